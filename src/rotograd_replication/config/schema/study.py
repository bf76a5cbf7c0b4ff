"""`configs/studies/`: experiments, changed where the study needs it, and the outputs to make."""

from typing import Literal

import pydantic
from pydantic import Field, NonNegativeFloat, PositiveInt

from ... import plugins
from .base import Model, Name, Source
from .dataset import Dataset
from .experiment import Experiment


class Study(Model):
    """A file of `configs/studies/`: which experiments, at which budget, for which outputs."""

    title: str
    summary: str
    # Of every value in the study that states none.
    source: Source | None = None
    device: Literal["auto", "cpu", "cuda"]
    threads: PositiveInt = Field(strict=True)
    # What one process trains: importing torch costs more than a short run.
    batch: Literal["run", "method", "experiment"]
    # Seconds of training between two saved states of a run, which a kill may cost.
    checkpoint_every: NonNegativeFloat = Field(60.0, strict=True)
    experiments: dict[Name, Experiment]
    # Those that the experiments use; from `configs/datasets.yaml`, not written in a study.
    datasets: dict[Name, Dataset] = Field({})
    tables: dict[Name, list[Name]]
    figures: dict[Name, list[Name]]

    @pydantic.model_validator(mode="after")
    def _known(self) -> "Study":
        taken = {"verdicts", *(f"{name}_history" for name in self.experiments)}
        for name in sorted(taken & self.experiments.keys()):
            raise ValueError(
                f"`{name}` must be another name of an experiment: a file of that name below "
                "`results/` is something else's. Rename it."
            )
        for package in ("tables", "figures"):
            for output, experiments in getattr(self, package).items():
                plugins.check(package, output)
                for name in experiments:
                    if name not in self.experiments:
                        hint = plugins.nearest(name, list(self.experiments))
                        raise ValueError(
                            f"`{name}` of {package}/{output} is not an experiment of it. {hint}"
                        )
        return self
