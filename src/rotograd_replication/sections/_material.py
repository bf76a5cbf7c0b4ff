"""All that a section may draw on: the study, its runs and results, and files to link to."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import schema
from ..results import Results

DONE, DIVERGED, STALE, MISSING = "done", "diverged", "stale", "missing"
STATES = {
    DONE: "finished under the present configuration and code",
    DIVERGED: "finished with a loss that is no number",
    STALE: "finished under another configuration or other training code",
    MISSING: "not run yet",
}


@dataclass(frozen=True)
class Run:
    """One run: what it is of, whether it is finished, and its record where there is one."""

    experiment: str
    method: str
    seed: int
    file: Path
    state: str
    reason: str
    record: dict[str, Any]


@dataclass(frozen=True)
class Material:
    """What the page is made from.

    Attributes:
        study: the configuration.
        name: the study's name.
        results: the experiments that are aggregated, by name.
        runs: every run that the study asks for, in its order.
        verdicts: `verdicts.json`; None where it is not made yet.
        tables: table -> kind of file -> its path, those that exist.
        figures: figure -> kind of file -> its path, those that exist.
        citation: `CITATION.cff`.
        link: a path as the page, wherever it lies, refers to it.
    """

    study: schema.Study
    name: str
    results: dict[str, Results]
    runs: list[Run]
    verdicts: dict[str, Any] | None
    tables: dict[str, dict[str, Path]]
    figures: dict[str, dict[str, Path]]
    citation: dict[str, Any]
    link: Callable[[Path], str]

    def labels(self, experiment: str) -> dict[str, schema.Method]:
        """The methods of an experiment, by name."""
        return self.study.experiments[experiment].methods

    def of(self, experiment: str) -> list[Run]:
        """The runs of an experiment."""
        return [run for run in self.runs if run.experiment == experiment]
