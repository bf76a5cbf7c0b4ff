"""A table: its plug-in is given the results and builds it; the rendering is the same for all."""

from collections.abc import Mapping
from pathlib import Path

from .. import plugins
from ..config import schema, settings
from ..config.equal_code import TrainingCode
from ..results.quantities import Paper
from ..results.tidy import Results
from .caption import caption


def run(
    study: schema.Study,
    study_name: str,
    name: str,
    results: list[Results],
    paper: Paper,
    csv: Path,
    markdown: Path,
    latex: Path,
    code: TrainingCode | None = None,
    locked: Mapping[str, str] | None = None,
) -> None:
    """Build the table `name` and write it as CSV, Markdown and LaTeX.

    Args:
        study: the configuration: methods, their labels and order.
        study_name: its name, for the caption.
        name: the plug-in in `paper/tables/`.
        results: the experiments the study lists for this table.
        paper: The paper's quantities and numbers.
        csv: written.
        markdown: written.
        latex: written.
        code: the present training code, for the caption.
        locked: the versions of the lock, for the caption.

    Raises:
        ValueError: an unknown table, or reported numbers that are none.
    """
    build = plugins.load("tables", name).build
    experiments = settings.pick("table", name, study.tables)
    by_name = {r.name: r for r in results}
    said = caption(study_name, study, experiments, results, code, locked)
    build(by_name, study, paper, said).write(csv, markdown, latex)
