"""Every number of the paper's tables beside ours, and whether they agree, cell by cell.

A reported number may lie inside our bootstrap interval, within two standard errors of its
difference from our median, or outside of both. It is known to the last digit printed, no better.

Both are medians over seeds, the paper's with the standard deviation s of a run. The median m of n
runs with density f has the variance 1 / (4 n f(m)^2) for large n, which is pi s^2 / (2 n) where
runs are normal. Independent errors add in squares: the difference has the standard error

    sqrt(pi / 2 (s^2 / n + s_reported^2 / n_reported)).

A number that the paper prints without a standard deviation, or of one run, has no standard error:
it is not compared. Nor do cells count whose interval can cover too little because there are too
few seeds of ours.
"""

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from ..config import schema
from ..results import quantities
from ..results.quantities import Paper, Quantity
from ..results.tidy import Results
from . import stats
from .schema import Claims, Statistics

INSIDE = "inside our interval"
NEAR = "within two standard errors"
OUTSIDE = "outside"
TOO_FEW = "too few seeds"
NOT_COMPARED = "not compared"
MISSING = "missing"
AGREEMENTS = (INSIDE, NEAR, OUTSIDE, TOO_FEW, NOT_COMPARED)
# Numbers are printed with two decimals.
ROUNDING = 0.005
ERRORS = 2
HOURS = "Hours of another machine."
SINGLE = "The paper's number has no standard deviation over several runs: no standard error."
STANDIN = "Generated stand-ins say nothing about the paper."


def cells(
    claims: Claims,
    study: schema.Study,
    reference: schema.Study,
    results: dict[str, Results],
    paper: Paper,
) -> Iterator[dict[str, Any]]:
    """Every number that the paper prints or that we have in its place: see `verdict`."""
    for experiment, printed in paper.experiments.items():
        ours = study.experiments.get(experiment)
        methods = reference.experiments[experiment].methods | (ours.methods if ours else {})
        for metric in printed.cells:
            quantity = claims.quantities[metric]
            found = results.get(experiment)
            table = quantities.per_task(found, quantity) if found else None
            for name, method in methods.items():
                row = paper.cell(experiment, name, method, metric)
                cell = _replicated(table, name, method, quantity, claims)
                if row or cell["n"]:
                    identity = {"experiment": experiment, "method": name, "label": method.label}
                    identity |= {"metric": metric, "label_metric": quantity.label}
                    yield identity | cell | _printed(row)


def _printed(row: dict[str, Any] | None) -> dict[str, Any]:
    row = row or {}
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
    empty = {"n": 0, **dict.fromkeys(("value", "low", "high", "std", "coverage"))}
    if table is None or name not in table.index:
        return empty
    runs = table.loc[[name]].dropna().to_numpy(float)
    if not len(runs):
        return empty
    statistic = quantities.STATISTICS[quantity.statistic]
    values = quantities.summary(statistic(runs))
    low = high = std = None
    if len(runs) > 1:
        std = values.std
        columns = range(runs.shape[1])
        strata = [[i] for i in columns] if method.separate else [list(columns)]
        settings = claims.statistics
        chances = (settings.confidence.value, settings.resamples.value)
        low, high = stats.bootstrap(runs, statistic, strata, *chances)
    most = min(stats.coverage(len(runs)), claims.statistics.confidence.value)
    found = {"n": len(runs), "value": values.value, "low": low, "high": high}
    return found | {"std": std, "coverage": most}


def standard_error(cell: dict[str, Any]) -> float | None:
    """Of the difference of the two medians (see above); None where a spread is not known."""
    ours, theirs = (cell["std"], cell["n"]), (cell["reported_std"], cell["reported_n"])
    if any(std is None or not n or n < 2 for std, n in (ours, theirs)):
        return None
    return math.sqrt(math.pi / 2 * sum(std**2 / n for std, n in (ours, theirs)))


def judge(
    cell: dict[str, Any], standin: bool, of: str, statistics: Statistics
) -> tuple[str | None, str | None]:
    """One of `AGREEMENTS` and why, if it needs a word; None where either number is missing."""
    if cell["reported"] is None or cell["value"] is None:
        return None, None
    if standin:
        return NOT_COMPARED, STANDIN
    if of == "hours":
        return NOT_COMPARED, HOURS
    if cell["coverage"] < statistics.confidence.value - statistics.tolerance.value:
        return (
            TOO_FEW,
            f"n = {cell['n']}: an interval covers at most {100 * cell['coverage']:.3g} %.",
        )
    error = standard_error(cell)
    if error is None:
        return NOT_COMPARED, SINGLE
    if cell["low"] - ROUNDING <= cell["reported"] <= cell["high"] + ROUNDING:
        return INSIDE, None
    near = abs(cell["value"] - cell["reported"]) <= ERRORS * error + ROUNDING
    return NEAR if near else OUTSIDE, None


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
