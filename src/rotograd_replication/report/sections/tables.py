"""Every number of the paper's tables beside ours, with the interval of ours and what both say."""

from typing import Any

from . import _plain, _svg, _text
from ._material import Material

TITLE = "The paper's tables, replicated"
WIDTH = 96  # pixels of a drawn interval
DRAWN = ("value", "low", "high", "reported")
# Agreement -> its sign and style.
SIGNS = {
    "inside our interval": ("●", "good", "the reported number lies inside our interval"),
    "within two standard errors": (
        "◐",
        "open",
        "the reported number lies within two standard errors of its difference from ours",
    ),
    "outside": ("○", "bad", "neither"),
    "too few seeds": ("·", "none", "our interval covers too little to tell"),
    "not compared": (
        "–",
        "none",
        "other data, another machine's hours, or a reported number without a spread",
    ),
}


def build(material: Material) -> dict[str, Any]:
    """A table per study's table and experiment: rows are methods, columns the reported metrics.

    The first table of an experiment that has numbers of the paper's is compared cell by cell; the
    others are shown as they are.
    """
    cells = (material.verdicts or {}).get("cells", [])
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
                "caption": material.caption(experiments) or "Not run yet.",
                "files": files,
                "command": f"{command} --config study={material.name}",
            }
        )
    counts = (material.verdicts or {}).get("counts", {})
    return {"tables": tables, "signs": SIGNS, "counts": counts, "width": WIDTH}


def _part(material: Material, experiment: str, cells: list[dict[str, Any]]) -> dict[str, Any]:
    """One experiment: its metrics as columns, a row per method in the configured order."""
    cells = [cell for cell in cells if cell["experiment"] == experiment]
    metrics = {cell["metric"]: cell["label_metric"] for cell in cells}
    by_key = {(c["method"] or c["label"], c["metric"]): c for c in cells}
    methods = material.labels(experiment)
    order = [m for m in methods if any(key[0] == m for key in by_key)]
    others = dict.fromkeys(c["label"] for c in cells if c["method"] is None)
    spans = {metric: _span([c for c in cells if c["metric"] == metric]) for metric in metrics}
    rows = []
    for name in [*order, *others]:
        row = [
            by_key.get((name, metric)) and _shown(by_key[name, metric], span)
            for metric, span in spans.items()
        ]
        mark = _svg.swatch(methods[name]) if name in methods else {"path": "", "label": name}
        rows.append({"mark": mark, "cells": row})
    return {
        "experiment": experiment,
        "title": material.study.experiments[experiment].title,
        "metrics": list(metrics.values()),
        "rows": rows,
        "draws": len(metrics) <= 4,  # more columns leave no room for drawn intervals
    }


def _span(cells: list[dict[str, Any]]) -> tuple[float, float]:
    """The range that a column's intervals and reported numbers need."""
    numbers = [c[key] for c in cells for key in DRAWN if c[key] is not None]
    return (min(numbers), max(numbers)) if numbers else (0.0, 1.0)


def _shown(cell: dict[str, Any], span: tuple[float, float]) -> dict[str, Any]:
    """A cell with its numbers as text, and their places in its column's drawing in pixels."""
    digits = _text.decimals(max(map(abs, span)))
    found = cell | {f"text_{k}": _text.fixed(cell[k], digits) for k in (*DRAWN, "reported_std")}
    for key in DRAWN:
        x = None if cell[key] is None else _svg.across(cell[key], *span, WIDTH)
        found[f"x_{key}"] = x
    found["x_zero"] = _svg.across(0, *span, WIDTH) if span[0] < 0 < span[1] else None
    return found
