"""All that a section may draw on: the study, its runs and results, and files to link to."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...claims.verdict_file import Verdicts
from ...config import schema
from ...config.equal_code import TrainingCode
from ...paper import caption
from ...results.run_states import Run
from ...results.tidy import Results


@dataclass(frozen=True)
class Material:
    """What the page is made from.

    Attributes:
        study: The configuration.
        name: The study's name.
        results: The experiments that are aggregated, by name.
        runs: Every run that the study asks for, in its order.
        place: The path of a run's record, with `{experiment}`, `{method}` and `{seed}`.
        verdicts: `verdicts.json`; None where it is not made yet.
        tables: Table -> kind of file -> its path, those that exist.
        figures: Figure -> kind of file -> its path, those that exist.
        citation: `CITATION.cff`.
        code: The present training code.
        link: A path -> the same relative to the page.
    """

    study: schema.Study
    name: str
    results: dict[str, Results]
    runs: list[Run]
    place: str
    verdicts: Verdicts | None
    tables: dict[str, dict[str, Path]]
    figures: dict[str, dict[str, Path]]
    citation: dict[str, Any]
    code: TrainingCode
    link: Callable[[Path], str]

    def caption(self, experiments: list[str]) -> str:
        """Write the caption of a table or figure of these experiments; empty if none is run."""
        found = [self.results[e] for e in experiments if e in self.results]
        if not found:
            return ""
        return caption.caption(self.name, self.study, experiments, found, self.code)

    def labels(self, experiment: str) -> dict[str, schema.Method]:
        """Return the methods of an experiment, by name."""
        return self.study.experiments[experiment].methods

    def file(self, run: Run) -> Path:
        """Return the path of a finished run's record."""
        where = {"experiment": run.experiment, "method": run.method, "seed": run.seed}
        return Path(self.place.format(**where))

    def of(self, experiment: str) -> list[Run]:
        """List the runs of an experiment."""
        return [run for run in self.runs if run.experiment == experiment]
