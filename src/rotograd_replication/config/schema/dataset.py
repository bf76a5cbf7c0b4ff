"""`configs/datasets.yaml`: archives, how they are prepared, and the tasks of a dataset."""

from typing import Annotated

import pydantic
from pydantic import Field, NonNegativeInt, PositiveInt

from ... import plugins
from .base import Model, Name, Parameters, check_labels, check_parameters

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
# Endings of metrics that are also measured in another convention of averaging, each shown in a
# table of its own: over all valid pixels where the first is over batches, and the reverse.
GLOBAL, BATCHES = CONVENTIONS = ("_global", "_batches")


class Archive(Model):
    """One original file: where it is and how it is known.

    By the published sha256, else by the published md5, else by what it held when it was first
    fetched.
    """

    name: str
    urls: list[str]
    bytes: PositiveInt | None = None
    sha256: Sha256 | None = None
    md5: Md5 | None = None
    # sha256 -> label of other files accepted under this name, e.g. "CIFAR-10, JPEG copy"
    copies: dict[Sha256, str] = Field({})
    # What the data are called where a mirror's archive has the files in another wrapping. They are
    # then held to what they were at the first fetch. None: only the published file will do.
    repackaged: str | None = None

    @pydantic.model_validator(mode="after")
    def _known(self) -> "Archive":
        if self.sha256 and self.md5:
            raise ValueError(f"`md5` of {self.name} must not be set if `sha256` is. Remove it.")
        for key in ("copies", "repackaged"):
            if getattr(self, key) and not (self.sha256 or self.md5):
                raise ValueError(
                    f"`{key}` of {self.name} must come with the original's `sha256` or `md5`. "
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
        """Its metrics, and whether higher is better, without those of another convention."""
        own = self.all_metrics.items()
        return {name: higher for name, higher in own if not name.endswith(CONVENTIONS)}

    @property
    def all_metrics(self) -> dict[str, bool]:
        """Its metrics in every convention, and whether higher is better."""
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
        check_labels("tasks", (task.label for task in self.tasks))
        check_labels("tasks", (task.name for task in self.tasks))
        check_labels("archives", (archive.name for archive in self.archives))
        if len({task.dense for task in self.tasks}) > 1:
            found = ", ".join(f"{task.name}: {task.kind}" for task in self.tasks)
            raise ValueError(
                "`tasks` must all have maps as targets, or none: targets are one tensor. "
                f"Found {found}."
            )
        return self
