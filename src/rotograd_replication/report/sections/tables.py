"""Every number of the paper's tables next to ours, with our interval and whether they agree."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...claims.cell import Agreement, Cell
from ...paper import table_format
from . import _plain, _svg, _text
from ._material import Material

TITLE = "The paper's tables, replicated"
WIDTH = 96  # pixels of a drawn interval
# Agreement -> its sign and style.
SIGNS = {
    Agreement.INSIDE: ("●", "good", "the reported number is inside our interval"),
    Agreement.NEAR: (
        "◐",
        "open",
        "the reported number is within two standard errors of its difference from ours",
    ),
    Agreement.OUTSIDE: ("○", "bad", "neither"),
    Agreement.TOO_FEW: ("·", "none", "our interval covers too little to tell"),
    Agreement.NOT_COMPARED: (
        "–",
        "none",
        "other data, another machine's hours, or a reported number without a spread",
    ),
}


def build(material: Material) -> dict[str, Any]:
    """Gather a table per study's table and experiment: a row per method, a column per metric.

    The first table of an experiment that has numbers of the paper's is compared cell by cell; the
    others are shown as they are.
    """
    verdicts = material.verdicts
    cells = verdicts.cells if verdicts else ()
    tables: list[dict[str, Any]] = []
    compared: set[str] = set()
    for table, experiments in material.study.tables.items():
        files = material.tables.get(table, {})
        own = compared & set(experiments) or (files and not _plain.reports(files["csv"]))
        parts = [] if own else [_part(material, name, cells) for name in experiments]
        parts = [part for part in parts if part["rows"]]
        compared |= {part["experiment"] for part in parts}
        command = f"snakemake --force {files['md']}" if files else "snakemake tables"
        tables.append(
            {
                "name": table,
                "parts": parts,
                "plain": _plain.read(files["csv"]) if files and not parts else None,
                "caption": _caption(files, bold=not parts)
                or material.caption(experiments)
                or "Not run yet.",
                "files": files,
                "command": f"{command} --config study={material.name}",
            }
        )
    counts = verdicts.counts if verdicts else {}
    return {"tables": tables, "signs": SIGNS, "counts": counts, "width": WIDTH}


def _caption(files: dict[str, Path], bold: bool) -> str:
    """Read what a table's file says, if it is made; of bold face only where that is shown."""
    if not files:
        return ""
    text = files["md"].read_text(encoding="utf-8").rstrip().rpartition("\n\n")[2].replace("**", "")
    return text if bold else text.removesuffix(table_format.BOLD)


def _part(material: Material, experiment: str, cells: Sequence[Cell]) -> dict[str, Any]:
    """Gather one experiment: its metrics as columns, a row per method in the configured order."""
    cells = [cell for cell in cells if cell.experiment == experiment]
    metrics = {cell.metric: cell.label_metric for cell in cells}
    by_key = {(cell.method, cell.metric): cell for cell in cells}
    run = {cell.method for cell in cells}
    spans = {metric: _span([c for c in cells if c.metric == metric]) for metric in metrics}
    rows = []
    for name, method in material.labels(experiment).items():
        if name not in run:
            continue
        shown = [(by_key.get((name, metric)), span) for metric, span in spans.items()]
        row = [cell and _shown(cell, span) for cell, span in shown]
        rows.append({"mark": _svg.swatch(method), "cells": row})
    return {
        "experiment": experiment,
        "title": material.study.experiments[experiment].title,
        "metrics": list(metrics.values()),
        "rows": rows,
        "draws": len(metrics) <= 4,  # more columns leave no room for drawn intervals
    }


def _span(cells: list[Cell]) -> tuple[float, float]:
    """Find the range of a column's intervals and reported numbers."""
    numbers = [number for cell in cells for number in _drawn(cell).values() if number is not None]
    return (min(numbers), max(numbers)) if numbers else (0.0, 1.0)


def _drawn(cell: Cell) -> dict[str, float | None]:
    return {"value": cell.value, "low": cell.low, "high": cell.high, "reported": cell.reported}


def _shown(cell: Cell, span: tuple[float, float]) -> dict[str, Any]:
    """Write a cell's numbers as text, and their places in its column's drawing in pixels."""
    digits = _text.decimals(max(map(abs, span)))
    shown = cell.model_dump()
    for key, number in _drawn(cell).items():
        shown[f"text_{key}"] = _text.fixed(number, digits)
        shown[f"x_{key}"] = None if number is None else _svg.across(number, *span, WIDTH)
    shown["text_reported_std"] = _text.fixed(cell.reported_std, digits)
    shown["x_zero"] = _svg.across(0, *span, WIDTH) if span[0] < 0 < span[1] else None
    return shown
