"""What tables and figures read: the three files that `aggregate` writes for an experiment."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from . import records


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
        return pd.read_csv(self.history_file)

    @property
    def tests(self) -> pd.DataFrame:
        """The test metrics without the losses: a row per run, task and metric."""
        return self.metrics[self.metrics["metric"] != "loss"]

    @property
    def diverged(self) -> dict[str, list[int]]:
        """Method -> the seeds of its runs that diverged."""
        return self.provenance.get("diverged", {})

    @property
    def methods(self) -> list[str]:
        """The methods that were run, in the order of the runs."""
        return list(self.provenance["runs"])


def read(table: Path, history: Path, provenance: Path) -> Results:
    """Read one experiment.

    Raises:
        ValueError: the provenance is not JSON.
    """
    facts = records.read_json(provenance)
    return Results(facts["experiment"], pd.read_csv(table), facts, history)
