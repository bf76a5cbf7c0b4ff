"""What a configuration may say: typed models, one per kind of file under `configs/`.

Every hyper-parameter is a `Sourced` value: `{value: 300, source: "paper: reproducibility sheet"}`.
An unknown key is an error. Parameters of plug-ins are checked against the keyword-only arguments
of the plug-in's `build` (see `plugins.parameters`), so a new plug-in needs no change here.
"""

from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

import pydantic
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

from .. import plugins

T = TypeVar("T")
Source = Annotated[str, Field(pattern=r"^(paper|official code|MTAN code|choice): .+")]
Share = Annotated[str, Field(pattern=r"^\d+(\.\d+)?%$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]*$")]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
Marker = Literal[
    "o", "s", "^", "v", "<", ">", "D", "d", "p", "h", "H", "8", "P", "X", "*", "x", "4"
]  # matplotlib's
Factor = Annotated[float, Field(gt=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
# What an annotation of a plug-in's parameter may be made of.
ANNOTATIONS = {
    "Factor": Factor,
    "Literal": Literal,
    "NonNegativeFloat": NonNegativeFloat,
    "NonNegativeInt": NonNegativeInt,
    "PositiveFloat": PositiveFloat,
    "PositiveInt": PositiveInt,
    "Share": Share,
}


class Model(BaseModel):
    """A mapping whose unknown keys are errors.

    `later` names keys that came after the first results: at its default, such a key is no part of
    a run's digest, so that a new option leaves earlier results valid.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    later: ClassVar[frozenset[str]] = frozenset()


class Sourced(Model, Generic[T]):
    """A value and where it comes from: the paper, published code, or our choice and why."""

    value: T
    source: Source


Parameters = dict[str, Sourced[Any]]


def check_parameters(package: str, module: str, given: Parameters, function: str = "build") -> None:
    """Refuse parameters that the plug-in does not take, lacks or types otherwise.

    Raises:
        ValueError: names the plug-in, the parameter and the legal ones.
    """
    legal = plugins.parameters(package, module, function)
    for name in given:
        if name not in legal:
            hint = plugins.nearest(name, list(legal)) if legal else "It takes none."
            raise ValueError(f"`{name}` is not a parameter of {package}/{module}. {hint}")
    for name, (annotation, required) in legal.items():
        if name in given:
            kind = eval(annotation, {"__builtins__": {}}, ANNOTATIONS | BUILTINS)
            try:
                adapter = pydantic.TypeAdapter(kind, config=ConfigDict(allow_inf_nan=False))
                adapter.validate_python(given[name].value, strict=True)
            except pydantic.ValidationError as error:
                found = given[name].value
                rule = error.errors()[0]["msg"]
                raise ValueError(f"`{name}` of {module}: {rule}. Found {found!r}.") from error
        elif required:
            raise ValueError(f"`{name}` of {package}/{module} must be given. Found none.")


BUILTINS = {"int": int, "float": float, "str": str, "bool": bool, "list": list, "None": None}


class Archive(Model):
    """One original file: where it lies and how it is known.

    By the published sha256, else by the published md5, else by what it held when it was first
    fetched.
    """

    name: str
    urls: list[str]
    bytes: PositiveInt | None = None
    sha256: Sha256 | None = None
    md5: Md5 | None = None
    # sha256 -> label of other files accepted under this name, e.g. "CIFAR-10, JPEG copy"
    copies: dict[Sha256, str] = {}
    # What the data are called where a mirror's archive has the files in another wrapping. They are
    # then held to what they were at the first fetch. None: only the published file will do.
    repackaged: str | None = None

    @pydantic.model_validator(mode="after")
    def _known(self) -> "Archive":
        if self.sha256 and self.md5:
            raise ValueError(f"`md5` of {self.name} must not be set beside `sha256`. Remove it.")
        for key in ("copies", "repackaged"):
            if getattr(self, key) and not (self.sha256 or self.md5):
                raise ValueError(
                    f"`{key}` of {self.name} must stand beside the original's `sha256` or `md5`. "
                    "Found neither."
                )
        return self


class Task(Model):
    """One task: its loss and metrics follow from its kind, a file of `tasks/kinds/`.

    `targets` is how many columns (dense tasks: channels) of the dataset's targets it takes; tasks
    take theirs in order.
    """

    later = frozenset({"targets"})
    name: Name
    label: str
    kind: str
    outputs: NonNegativeInt
    shift: float = 0.0
    targets: PositiveInt = 1

    @pydantic.model_validator(mode="after")
    def _kind_is_known(self) -> "Task":
        plugins.check("kinds", self.kind)
        if self.targets != (number := plugins.constant("kinds", self.kind, "TARGETS")):
            raise ValueError(
                f"`targets` of {self.name} must be {number}, as its kind is {self.kind}. "
                f"Found {self.targets}."
            )
        return self

    @property
    def dense(self) -> bool:
        """Whether its targets are maps, one value per pixel."""
        return plugins.constant("kinds", self.kind, "DENSE")

    @property
    def metrics(self) -> dict[str, bool]:
        """Its metrics, and whether higher is better."""
        return plugins.constant("kinds", self.kind, "METRICS")


class Standin(Model):
    """A generator of archives in the original format."""

    module: str
    parameters: Parameters

    @pydantic.model_validator(mode="after")
    def _known(self) -> "Standin":
        check_parameters("standins", self.module, self.parameters, "write")
        return self


class Samples(Model):
    """The size of every split."""

    train: PositiveInt
    val: PositiveInt
    test: PositiveInt


class Dataset(Model):
    """An entry of `configs/datasets.yaml`."""

    label: str
    shape: list[PositiveInt]
    samples: Samples
    module: str
    licence: str
    homepage: str
    archives: list[Archive]
    standin: Standin | None = None
    parameters: Parameters
    tasks: list[Task] = Field(min_length=1)

    @pydantic.model_validator(mode="after")
    def _known(self) -> "Dataset":
        check_parameters("datasets", self.module, self.parameters, "prepare")
        if len({task.dense for task in self.tasks}) > 1:
            found = ", ".join(f"{task.name}: {task.kind}" for task in self.tasks)
            raise ValueError(
                "`tasks` must all have maps as targets, or none: targets are one tensor. "
                f"Found {found}."
            )
        return self


class Drops(Model):
    """A learning rate that is multiplied by `factor` when each epoch of `after` has ended."""

    after: Sourced[list[PositiveInt]]
    factor: Sourced[Factor]


class Optimizer(Model):
    """An optimiser and the factor its learning rate is multiplied by after every step."""

    later = frozenset({"drops"})
    name: Sourced[Literal["radam", "adam", "sgd"]]
    learning_rate: Sourced[PositiveFloat]
    decay: Sourced[Factor]
    drops: Drops | None = None


class Method(Model):
    """An entry of `configs/methods.yaml`; `inner` names the method it wraps."""

    label: str
    module: str
    citation: str
    colour: Colour
    marker: Marker = "o"
    inner: "Method | None" = None
    parameters: Parameters = {}
    separate: bool = False
    reported_as: str | None = None
    rotation: Optimizer | None = None

    @pydantic.model_validator(mode="after")
    def _known(self) -> "Method":
        check_parameters("methods", self.module, self.parameters)
        if self.inner and (self.inner.separate or self.inner.rotation):
            raise ValueError(
                f"`separate` and `rotation` of {self.inner.label} must not be set where another "
                "method wraps it: they belong to the outermost method. Move them there."
            )
        return self


class Network(Model):
    """The backbone: a plug-in that maps an input to `features` numbers."""

    module: str
    features: Sourced[PositiveInt]
    parameters: Parameters = {}

    @pydantic.model_validator(mode="after")
    def _known(self) -> "Network":
        check_parameters("networks", self.module, self.parameters)
        return self


class Heads(Model):
    """One head per task, a plug-in; `hidden` are the widths of its inner layers, if any."""

    later = frozenset({"module", "parameters"})
    hidden: Sourced[list[PositiveInt]]
    module: str = "mlp"
    parameters: Parameters = {}

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


class Experiment(Model):
    """An entry of `configs/experiments/`, as a study has changed it."""

    title: str
    dataset: str
    network: Network
    heads: Heads
    training: Training
    seeds: Sourced[PositiveInt]
    methods: dict[Name, Method]

    @pydantic.model_validator(mode="after")
    def _subspaces_fit(self) -> "Experiment":
        features = self.network.features.value
        for name, method in self.methods.items():
            m = method.parameters.get("m")
            if m and isinstance(m.value, int) and m.value > features:
                raise ValueError(
                    f"`m` of {name} must be at most the network's features, {features}. "
                    f"Found {m.value}."
                )
        return self


class Study(Model):
    """A file of `configs/studies/`: which experiments, at which budget, for which outputs."""

    title: str
    summary: str
    device: Literal["auto", "cpu", "cuda"]
    threads: PositiveInt
    # What one process trains: importing torch costs more than a short run.
    batch: Literal["run", "method", "experiment"]
    # Seconds of training between two saved states of a run, which a kill may cost.
    checkpoint_every: NonNegativeFloat = 60.0
    experiments: dict[Name, Experiment]
    # Those that the experiments use; from `configs/datasets.yaml`, not written in a study.
    datasets: dict[Name, Dataset] = {}
    tables: dict[Name, list[Name]]
    figures: dict[Name, list[Name]]

    @pydantic.model_validator(mode="after")
    def _known(self) -> "Study":
        for package in ("tables", "figures"):
            for output, experiments in getattr(self, package).items():
                plugins.check(package, output)
                for name in experiments:
                    if name not in self.experiments:
                        hint = plugins.nearest(name, list(self.experiments))
                        raise ValueError(f"`{name}` of {package}/{output} is no experiment. {hint}")
        return self


Method.model_rebuild()
