"""`configs/experiments/`: a dataset, a network, a budget, and the methods to compare."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field, NonNegativeInt, PositiveInt

from .base import Model, Name, Parameters, Sourced, check_labels, check_parameters
from .method import Method, Optimizer


class Network(Model):
    """The backbone: a plug-in that maps an input to `features` numbers."""

    module: str
    features: Sourced[PositiveInt]
    parameters: Parameters = Field({})

    @pydantic.model_validator(mode="after")
    def _known(self) -> "Network":
        check_parameters("networks", self.module, self.parameters)
        return self


class Heads(Model):
    """One head per task, a plug-in; `hidden` are the widths of its inner layers, if any."""

    later = frozenset({"module", "parameters"})
    hidden: Sourced[list[PositiveInt]]
    module: str = "mlp"
    parameters: Parameters = Field({})

    @pydantic.model_validator(mode="after")
    def _known(self) -> "Heads":
        check_parameters("heads", self.module, self.parameters)
        return self


Precision = Literal["float32", "tf32", "bf16"]
FLOAT32 = Sourced[Precision](value="float32", source="choice: not stated; PyTorch's default type")
Selection = Literal["loss_sum", "relative_improvement"]
LOSS_SUM = Sourced[Selection](
    value="loss_sum",
    source="choice: the paper says best validation error; the official example weighs and adds "
    "validation losses",
)
AT_START = Sourced[NonNegativeInt](value=0, source="choice: not stated; the losses at the start")
Grid = Annotated[list[Any], Field(min_length=1)]
EAGER = Sourced[bool](value=False, source="choice: not stated; PyTorch's default mode")


class Training(Model):
    """The budget, the same for every method of an experiment."""

    later = frozenset({"compiled", "loss_reference_step", "precision", "selection"})
    epochs: Sourced[PositiveInt]
    batch_size: Sourced[PositiveInt]
    training_samples: Sourced[PositiveInt | None]
    augmentation: Sourced[list[Literal["flip", "crop", "scene_crop", "scene_flip"]]]
    optimizer: Optimizer
    # The method's own unconstrained parameters (the rotations).
    rotation: Optimizer
    # Each loss is divided by its absolute value at the first step, and from this one on (if not 0)
    # by that at `loss_reference_step`.
    normalize_losses: Sourced[bool]
    loss_reference_step: Sourced[NonNegativeInt] = AT_START
    # The epoch whose parameters are kept: that of the smallest sum of validation losses, or of the
    # largest mean over tasks of the relative improvement on the losses before training.
    selection: Sourced[Selection] = LOSS_SUM
    # Task gradients are measured for the history at every n-th step of an epoch, from its first.
    diagnostics_every: Sourced[PositiveInt]
    # What the backbone computes in; the method's arithmetic, heads and losses stay in float32.
    precision: Sourced[Precision] = FLOAT32
    # Whether `torch.compile` fuses operations of the backbone and of the heads.
    compiled: Sourced[bool] = EAGER


class Tuning(Model):
    """How the methods' own hyper-parameters are chosen: the smallest validation error of a grid."""

    # Of every candidate; the runs that tables show train for `training.epochs`.
    epochs: Sourced[PositiveInt]
    seeds: Sourced[PositiveInt]
    # Method -> parameter -> the values to try. A parameter of the method's file goes by its name,
    # one of the method it wraps by `inner.NAME`, the rotations' optimiser by `rotation.NAME`.
    grids: dict[Name, dict[str, Sourced[Grid]]]


def check_subspace(name: str, method: Method, features: int) -> None:
    """Refuse rotations of more features than there are.

    Raises:
        ValueError: Names the method, and the network's `features`.
    """
    m = method.parameters.get("m")
    if m and isinstance(m.value, int) and m.value > features:
        raise ValueError(
            f"`m` of {name} must be at most the network's features, {features}. Found {m.value}."
        )


class Experiment(Model):
    """An entry of `configs/experiments/`, as a study has changed it."""

    title: str
    dataset: str
    network: Network
    heads: Heads
    training: Training
    seeds: Sourced[PositiveInt]
    methods: dict[Name, Method]
    tuning: Tuning | None = None

    @pydantic.model_validator(mode="after")
    def _fit(self) -> "Experiment":
        check_labels("methods", (method.label for method in self.methods.values()))
        for name, method in self.methods.items():
            check_subspace(name, method, self.network.features.value)
        return self

    def grid(self, method: str) -> dict[str, list[Any]]:
        """Parameter -> the values to try for `method`; empty if it is not tuned."""
        grids = self.tuning.grids if self.tuning else {}
        return {parameter: values.value for parameter, values in grids.get(method, {}).items()}
