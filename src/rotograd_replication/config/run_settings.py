"""What a run is trained with: the types of the plain values that `settings.run_settings` collects.

Their checks are those of `schema`, before; a run's record holds them as they are.
"""

from typing import Any, Literal, NotRequired, TypedDict


class OptimizerSettings(TypedDict):
    """An optimiser and its schedule (`schema.Optimizer`)."""

    name: Literal["radam", "adam", "sgd"]
    learning_rate: float
    decay: float
    eps: NotRequired[float]
    drops: NotRequired[dict[str, Any] | None]


class ModuleSettings(TypedDict):
    """A plug-in and the keyword arguments of its `build`."""

    module: str
    parameters: dict[str, Any]


class BackboneSettings(ModuleSettings):
    """The backbone, and how many features it gives."""

    features: int


class HeadSettings(ModuleSettings):
    """The heads, and the widths of their hidden layers."""

    hidden: list[int]


class MethodSettings(ModuleSettings):
    """A method, what it wraps, and the optimiser of its rotations if not the experiment's."""

    inner: "MethodSettings | None"
    rotation: OptimizerSettings | None
    separate: bool


class TrainingSettings(TypedDict):
    """The budget and the optimisers (`schema.Training`)."""

    epochs: int
    batch_size: int
    training_samples: int | None
    augmentation: list[str]
    optimizer: OptimizerSettings
    rotation: OptimizerSettings
    normalize_losses: bool
    loss_reference_step: int
    selection: str
    diagnostics_every: int
    precision: str
    compiled: bool


class DataSettings(ModuleSettings):
    """How a dataset is prepared, and its tasks."""

    standin: dict[str, Any] | None
    tasks: list[dict[str, Any]]


class RunSettings(TypedDict):
    """All that determines a run's numbers, besides its seed, its archives and its device."""

    dataset: str
    data: DataSettings
    network: BackboneSettings
    heads: HeadSettings
    method: MethodSettings
    training: TrainingSettings
