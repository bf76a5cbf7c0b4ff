"""Every number of the paper's tables beside ours, and whether they agree, cell by cell.

A reported number may lie inside our bootstrap interval, within two of its own standard deviations
of our median, or outside of both. It is known to the last digit printed, no better. A number from
a single run has no standard deviation: then our interval alone can tell.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import inference, schema, scores
from .claims import Claims, Quantity, Setting
from .results import Results, read_reported

INSIDE = "inside our interval"
NEAR = "within two reported standard deviations"
OUTSIDE = "outside"
NOT_COMPARED = "not compared"
MISSING = "missing"
AGREEMENTS = (INSIDE, NEAR, OUTSIDE, NOT_COMPARED)
# Numbers are printed with two decimals.
ROUNDING = 0.005
SPREADS = 2
HOURS = "Hours of another machine."
SINGLE = "The paper's number is of one run and has no spread: only our interval could tell."
ONE_OF_OURS = "One run of ours has no interval."
STANDIN = "Generated stand-ins say nothing about the paper."


def read(path: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The paper's numbers: (experiment, method, metric) as named there -> the row.

    Raises:
        ValueError: it is not as `results.read_reported` needs it.
    """
    table = read_reported(path).astype(object)
    rows = table.where(table.notna(), None).to_dict("records")
    return {(row["experiment"], row["method"], row["metric"]): row for row in rows}


def cells(
    claims: Claims,
    study: schema.Study,
    reference: schema.Study,
    results: dict[str, Results],
    reported: dict[tuple[str, str, str], dict[str, Any]],
) -> Iterator[dict[str, Any]]:
    """Every number that the paper prints or that we have in its place: see `verdict`."""
    for experiment, setting in claims.experiments.items():
        ours = study.experiments.get(experiment)
        methods = reference.experiments[experiment].methods | (ours.methods if ours else {})
        for metric in setting.cells:
            quantity = claims.quantities[metric]
            found = results.get(experiment)
            table = scores.tasks(found, quantity) if found else None
            for name, method in methods.items():
                paper = _paper(reported, setting, name, method, metric)
                cell = _replicated(table, name, method, quantity, claims)
                if paper or cell["n"]:
                    identity = {"experiment": experiment, "method": name, "label": method.label}
                    identity |= {"metric": metric, "label_metric": quantity.label}
                    yield identity | cell | _printed(paper)


def _paper(
    reported: dict[tuple[str, str, str], dict[str, Any]],
    setting: Setting,
    name: str,
    method: schema.Method,
    metric: str,
) -> dict[str, Any] | None:
    """The paper's row, under the likeliest of the names it may have there."""
    names = (method.reported_as, setting.names.get(name), name)
    keys = [(setting.reported, other, metric) for other in names if other]
    return next((reported[key] for key in keys if key in reported), None)


def _printed(paper: dict[str, Any] | None) -> dict[str, Any]:
    row = paper or {}
    return {
        "table": str(row["table"]) if row else None,
        "reported": row.get("value"),
        "reported_std": row.get("std"),
        "reported_n": int(row["runs"]) if row else None,
        "reported_source": row.get("source"),
        "reported_note": row.get("note"),
    }


def _replicated(
    table: pd.DataFrame | None,
    name: str,
    method: schema.Method,
    quantity: Quantity,
    claims: Claims,
) -> dict[str, Any]:
    """Our median and its interval; tasks of separate networks are drawn apart."""
    empty = {"n": 0, "value": None, "low": None, "high": None, "coverage": None}
    if table is None or name not in table.index:
        return empty
    runs = table.loc[[name]].dropna().to_numpy(float)
    if not len(runs):
        return empty
    statistic = scores.STATISTICS[quantity.statistic]
    low = high = None
    if len(runs) > 1:
        columns = range(runs.shape[1])
        strata = [[i] for i in columns] if method.separate else [list(columns)]
        settings = claims.statistics
        chances = (settings.confidence.value, settings.resamples.value)
        low, high = inference.bootstrap(runs, statistic, strata, *chances)
    value = float(np.median(statistic(runs)))
    most = min(inference.coverage(len(runs)), claims.statistics.confidence.value)
    return {"n": len(runs), "value": value, "low": low, "high": high, "coverage": most}


def judge(cell: dict[str, Any], standin: bool, of: str) -> tuple[str | None, str | None]:
    """One of `AGREEMENTS` and a remark; None where either number is missing."""
    if cell["reported"] is None or cell["value"] is None:
        return None, None
    if standin:
        return NOT_COMPARED, STANDIN
    if of == "hours":
        return NOT_COMPARED, HOURS
    spread = math.nan if cell["reported_std"] is None else cell["reported_std"]
    low, high = (cell["value"] if cell[end] is None else cell[end] for end in ("low", "high"))
    remark = SINGLE if math.isnan(spread) else ONE_OF_OURS if cell["low"] is None else None
    if low - ROUNDING <= cell["reported"] <= high + ROUNDING:
        return INSIDE, None if cell["low"] is not None else ONE_OF_OURS
    if abs(cell["value"] - cell["reported"]) <= SPREADS * spread + ROUNDING:
        return NEAR, remark
    return OUTSIDE, remark


def counts(found: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """The paper's table -> each agreement, and `missing` -> how many cells."""
    printed = [cell for cell in found if cell["table"]]
    return {
        table: {
            kind: sum(c["table"] == table and (c["agreement"] or MISSING) == kind for c in printed)
            for kind in (*AGREEMENTS, MISSING)
        }
        for table in sorted({cell["table"] for cell in printed})
    }
