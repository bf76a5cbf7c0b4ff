"""A figure: its plug-in draws, and returns what it drew; both are written here."""

import logging
from collections.abc import Mapping
from pathlib import Path

from .. import plugins
from ..config import schema, settings
from ..config.equal_code import TrainingCode
from ..files import atomic
from ..results.tidy import Results
from .caption import caption
from .figures import _style


def run(
    study: schema.Study,
    study_name: str,
    name: str,
    results: list[Results],
    datasets: dict[str, schema.Dataset],
    csv: Path,
    pdf: Path,
    png: Path,
    code: TrainingCode | None = None,
    locked: Mapping[str, str] | None = None,
) -> None:
    """Draw the figure `name`; write it as PDF and PNG, and the drawn numbers as CSV.

    Args:
        study: the configuration: methods, their labels, colours and order.
        study_name: its name, for the caption.
        name: the plug-in in `paper/figures/`.
        results: the experiments the study lists for this figure.
        datasets: every dataset, for the labels of the tasks.
        csv: written: exactly what is drawn.
        pdf: written; the same bytes for the same numbers.
        png: written.
        code: the present training code, for the caption.
        locked: the versions of the lock, for the caption.

    Raises:
        ValueError: an unknown figure.
    """
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every glyph it embeds
    with _style.context():
        plugin = plugins.load("figures", name)
        experiments = settings.pick("figure", name, study.figures)
        by_name = {r.name: r for r in results}
        drawing, numbers = plugin.build(by_name, study, datasets)
        said = caption(study_name, study, experiments, results, code, locked)
        notes = plugin.notes(by_name) if hasattr(plugin, "notes") else ""
        _style.sign(drawing, f"{said} {notes}".strip())
        with atomic.atomic(csv) as temporary:
            numbers.to_csv(temporary, index=False, lineterminator="\n")
        for path, metadata in ((pdf, {"CreationDate": None}), (png, {"Software": None})):
            with atomic.atomic(path) as temporary:
                drawing.savefig(temporary, metadata=metadata)
