"""What tables and figures read: the three files that `aggregate` writes for an experiment."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ..config import schema
from ..config.choice import Choice
from ..files import atomic, damage

REPORTED = {"table", "experiment", "method", "metric", "value", "std", "runs", "source", "note"}
REMEDY = "Delete it and run `aggregate` again."


@dataclass(frozen=True)
class Results:
    """The runs of one experiment; the history is read only when a figure asks for it."""

    name: str
    metrics: pd.DataFrame
    provenance: dict[str, Any]
    history_file: Path

    @cached_property
    def history(self) -> pd.DataFrame:
        """A row per method, seed and epoch."""
        return read_csv(self.history_file, {"method", "seed", "epoch"}, REMEDY)

    @property
    def finished(self) -> pd.DataFrame:
        """The history without the runs that diverged."""
        lost = {(method, seed) for method, seeds in self.diverged.items() for seed in seeds}
        runs = zip(self.history["method"], self.history["seed"], strict=True)
        return self.history[[run not in lost for run in runs]]

    @cached_property
    def largest_angles(self) -> pd.Series:
        """The largest plane angle of a run's rotations at any epoch: (method, seed) -> radians.

        NaN where a method has no rotations.
        """
        history = self.finished.set_index(["method", "seed"])
        angles = history.filter(regex="^rotation_angle/").max(axis=1)
        return angles.groupby(["method", "seed"]).max()

    def angles_of(self, method: str) -> pd.Series:
        """One method's largest angles: seed -> radians; NaN for a run that diverged."""
        angles = self.largest_angles
        own = {seed: angles.get((method, seed), float("nan")) for seed in self.seeds[method]}
        return pd.Series(own, dtype=float).rename_axis("seed")

    @property
    def tests(self) -> pd.DataFrame:
        """The test metrics without the losses: a row per run, task and metric."""
        return self.tests_by("")

    def tests_by(self, convention: str) -> pd.DataFrame:
        """Take the test metrics in a convention, each named as in the first.

        Args:
            convention: One of `schema.CONVENTIONS`; a task without it keeps its metrics.
        """
        tests = self.metrics[self.metrics["metric"] != "loss"]
        own = ~tests["metric"].str.endswith(schema.CONVENTIONS)
        if convention:
            other = tests["metric"].str.endswith(convention)
            own = other | own & ~tests["task"].isin(tests.loc[other, "task"])
        return tests[own].assign(metric=tests["metric"].str.removesuffix(convention))

    @property
    def several_machines(self) -> str:
        """Say that runs are of unlike devices or threads, so that hours do not compare; or ''."""
        devices, threads = self.provenance["devices"], self.provenance["threads"]
        if len(devices) == len(threads) == 1:
            return ""
        where = f"{' and '.join(devices)}, {' or '.join(map(str, threads))} threads"
        return f"Hours of {self.name} are left out: its runs were trained on {where}."

    @property
    def diverged(self) -> dict[str, list[int]]:
        """Method -> the seeds of its runs that diverged."""
        return self.provenance.get("diverged", {})

    @property
    def choices(self) -> dict[str, Choice]:
        """Method -> what tuning chose for it; empty where nothing is tuned."""
        tuned = self.provenance.get("tuning", {})
        return {method: Choice.model_validate(content) for method, content in tuned.items()}

    @property
    def code(self) -> dict[str, list[str]]:
        """Method -> digests of the training code that its runs were trained by."""
        alike = dict.fromkeys(self.methods, self.provenance["code"])
        return self.provenance.get("code_by_method", alike)

    @cached_property
    def seeds(self) -> dict[str, list[int]]:
        """Method -> the seeds of its runs, also of those that diverged."""
        groups = self.metrics.groupby("method")["seed"]
        return {str(method): sorted(seeds.unique()) for method, seeds in groups}

    @property
    def methods(self) -> list[str]:
        """The methods that were run, in the order of the runs."""
        return list(self.provenance["runs"])


def read(table: Path, history: Path, provenance: Path) -> Results:
    """Read one experiment.

    Raises:
        ValueError: A file that is not what `aggregate` writes.
    """
    facts = atomic.read_json(provenance)
    keys = facts.keys() if isinstance(facts, dict) else ()
    if missing := [key for key in ("experiment", "runs", "data") if key not in keys]:
        raise ValueError(
            f"`{provenance}` must name experiment, runs and data. Missing: {', '.join(missing)}. "
            f"{REMEDY}"
        )
    metrics = read_csv(table, {"method", "seed", "task", "metric", "value", "delta"}, REMEDY)
    return Results(facts["experiment"], metrics, facts, history)


def read_reported(path: Path) -> pd.DataFrame:
    """Read the paper's numbers, `configs/paper/reported.csv`: a row per cell of its tables.

    Raises:
        ValueError: It is not a table, lacks a column, or a value is not a number.
    """
    remedy = "Restore it from the repository."
    table = read_csv(path, REPORTED, remedy)
    for column in ("value", "std", "runs"):
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise ValueError(f"`{column}` of `{path}` must be numbers. Found others. {remedy}")
    return table


def read_csv(path: Path, columns: set[str], remedy: str) -> pd.DataFrame:
    """Read a table with at least these columns.

    Raises:
        ValueError: It is not a table, or lacks a column.
    """
    with open(path, "rb") as file, damage.reading(path, "a CSV table", remedy):
        table = pd.read_csv(file)
    missing = sorted(columns - set(table.columns))
    if missing:
        raise ValueError(f"`{path}` must have columns {', '.join(missing)}. Found none. {remedy}")
    return table
