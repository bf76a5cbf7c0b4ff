"""The record of a run: what training and evaluation write of it, read in one place.

Training writes `run.json`, and evaluation `metrics.json`: the same keys with `metrics`, and with
the test split in `data`.
"""

import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pydantic

from ..config import faults
from ..files import atomic

REMEDY = "Delete it and rerun its target."
# Of one network, or of each of a run's separate networks.
Epoch = int | list[int]


class RecordError(ValueError):
    """A record that is damaged or does not belong; its message names the run and the remedy."""


class Model(pydantic.BaseModel):
    """A mapping that may have further keys, such as those of later code."""

    model_config = pydantic.ConfigDict(frozen=True, strict=True, extra="ignore")


class Data(Model):
    """What a run was trained and measured on.

    Attributes:
        label: The data in words.
        archives: Archive -> its sha256.
        samples: Split -> how many samples were used.
        prepared: Split -> the sha256 of the prepared file; None in the earliest records.
    """

    label: str
    archives: dict[str, str]
    samples: dict[str, int]
    prepared: dict[str, str] | None = None


class Divergence(Model):
    """What was not finite, and when; on the test split there is no batch."""

    what: str
    epoch: Epoch
    batch: int | None = None


class RunRecord(Model):
    """A finished run. A key with a default came later: the earliest records lack it.

    Attributes:
        study: The study's name.
        experiment: The experiment's name.
        method: The method's name.
        seed: The seed.
        trained_as: The experiment and method that it was trained as, if it is a copy.
        dataset: The dataset's name.
        settings: What decides its numbers besides seed and data (`config.settings`).
        configuration: The digest of the settings.
        tuned: Parameter -> what tuning chose, in words.
        code: The digest of the training code.
        git_revision: The revision of the repository.
        versions: Package -> version.
        data: What it was trained and measured on.
        device: The device in words.
        processor: What of the CPU decides the last bits of a number.
        threads: How many threads trained it.
        epochs: How many epochs were asked for.
        best_epoch: The epoch whose parameters were kept.
        diverged: How it diverged; None if it did not.
        seconds: Of training.
        peak_memory_mb: In MiB; None where it was not measured.
        model: The sha256 of the kept parameters' file.
        metrics: Task -> metric -> its value on the test split; None if the run diverged.
    """

    study: str
    experiment: str
    method: str
    seed: int
    trained_as: str | None = None
    dataset: str
    settings: dict[str, Any]
    configuration: str
    tuned: dict[str, str] = {}
    code: str
    git_revision: str
    versions: dict[str, str]
    data: Data
    device: str
    processor: str | None = None
    threads: int
    epochs: int
    best_epoch: Epoch
    diverged: Divergence | None = None
    seconds: float
    peak_memory_mb: float | None
    model: str
    metrics: dict[str, dict[str, float]] | None

    @property
    def label(self) -> str:
        """The run in words."""
        return f"{self.experiment}/{self.method}/seed {self.seed}"


def read(path: Path, remedy: str = REMEDY, **expected: str) -> RunRecord:
    """Read a finished run's `metrics.json`.

    Args:
        path: The file.
        remedy: What to do about one that is refused; a sentence.
        expected: Keys and the values that they must have.

    Raises:
        RecordError: It is not JSON, lacks a key, or has a value of another type or run.
        FileNotFoundError: There is none.
    """
    content = atomic.read_json(path, remedy, RecordError)
    if not isinstance(content, dict):
        raise RecordError(f"`{path}` must be a mapping. Found {type(content).__name__}. {remedy}")
    try:
        run = RunRecord.model_validate(content)
    except pydantic.ValidationError as error:
        raise RecordError(f"{_fault(path, error)} {remedy}") from None
    for key, value in expected.items():
        if (found := getattr(run, key)) != value:
            raise RecordError(f"`{path}` must be of {key} `{value}`. Found `{found}`. {remedy}")
    return run


def _fault(path: Path, error: pydantic.ValidationError) -> str:
    """Name every key that is missing, or the first value of another type."""
    errors: list[Any] = error.errors()
    if missing := [fault["loc"] for fault in errors if fault["type"] == "missing"]:
        keys = ", ".join(".".join(map(str, key)) for key in missing)
        return f"`{path}` must have every key of a run. Missing: {keys}."
    return faults.explain(RunRecord, errors[0], f"`{path}`")


def diverged(paths: Iterable[Path]) -> list[str]:
    """Say of each finished run that diverged which it is, what was not finite, and when."""
    runs = [read(path) for path in paths if path.is_file()]
    return [
        f"{run.label}: {run.diverged.what}, epoch {run.diverged.epoch}"
        for run in runs
        if run.diverged
    ]


def median_seconds(runs: Iterable[RunRecord]) -> float | None:
    """Compute it over the runs that did not diverge; None if all did."""
    whole = [run.seconds for run in runs if run.diverged is None]
    return statistics.median(whole) if whole else None


def peak_memory_mb(runs: Iterable[RunRecord]) -> float | None:
    """Find the largest memory of some runs, in MiB; None where none was measured."""
    return max((run.peak_memory_mb for run in runs if run.peak_memory_mb), default=None)
