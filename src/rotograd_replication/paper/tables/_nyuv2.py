"""Table 3 in either convention of averaging over pixels: what both tables share.

Source: RotoGrad, Table 3. A task's Delta is the mean of its metrics' relative improvements over the
single-task network, as the printed averages are; for all tasks, the mean of the three. The paper
prints neither that mean nor the cost relative to Vanilla: both are computed from what it prints.
"""

import math

import pandas as pd

from ...config import schema
from ...results import relative_improvement
from ...results.tidy import Results
from ..table_format import Table
from . import _compare

EXPERIMENT = "nyuv2"
# Task -> its heading, and by metric: name in the paper's rows and name of the column.
TASKS = {
    "segmentation": ("Segmentation", {"miou": "mIoU ↑", "pixel_accuracy": "pixel accuracy ↑"}),
    "depth": ("Depth", {"depth_abs_err": "abs (m) ↓", "depth_rel_err": "rel ↓"}),
    "normal": (
        "Surface normals",
        {
            "normal_angle_mean": "mean (°) ↓",
            "normal_angle_median": "median (°) ↓",
            "normal_within_11_25": "≤ 11.25° (%) ↑",
            "normal_within_22_5": "≤ 22.5° (%) ↑",
            "normal_within_30": "≤ 30° (%) ↑",
        },
    ),
}
# A metric's name in the paper's rows -> in the results, without the convention's suffix.
METRICS = {
    "miou": "miou",
    "pixel_accuracy": "pixel_accuracy",
    "depth_abs_err": "abs_err",
    "depth_rel_err": "rel_err",
    "normal_angle_mean": "angle_mean",
    "normal_angle_median": "angle_median",
    "normal_within_11_25": "within_11_25",
    "normal_within_22_5": "within_22_5",
    "normal_within_30": "within_30",
}
DELTA, OVERALL = "avg Δ (%) ↑", "All tasks"
COST, HOURS, RELATIVE = "Training", "hours ↓", "× Vanilla ↓"


def build(
    results: dict[str, Results],
    study: schema.Study,
    reported: pd.DataFrame,
    caption: str,
    suffix: str,
) -> Table:
    """Medians and standard deviations over seeds, beside the paper's numbers.

    Args:
        results: of the experiment.
        study: the configuration.
        reported: the paper's numbers.
        caption: what is to be known of the runs and of the convention.
        suffix: which the convention's metrics of depth and normals end in; segmentation has one.
    """
    found = results[EXPERIMENT]
    methods = study.experiments[EXPERIMENT].methods
    ours = _ours(found, suffix)
    ours[COST, HOURS], ours[COST, RELATIVE] = _compare.cost(found)
    cells = {}
    for name in (m for m in methods if m in found.methods):
        method = methods[name]
        paper = _paper(reported, name, method.reported_as)
        for column in _columns():
            row = ("", _compare.label(method, name, [found]), *column)
            cell = ours[column].reindex([name]).iloc[0]
            own = method.separate and column[1] == DELTA  # zero by definition
            cells[*row, "replicated"] = cell * math.nan if own else cell
            cells[*row, "reported"] = paper.reindex([column]).iloc[0]
    baselines = [name for name in found.methods if methods[name].separate]
    own = ", all three networks for the single-task row, which does not compete" * bool(baselines)
    return _compare.table(
        "NYUv2: segmentation, depth and surface normals",
        f"{caption} Median ± standard deviation over seeds; hours are medians of a whole run{own}. "
        "Reported averages over all tasks and costs relative to Vanilla are computed from the "
        f"printed cells.{_compare.undefined(results)}",
        cells,
        higher={quantity: "↑" in quantity for _, quantity in _columns()},
        exclude={_compare.label(methods[name], name, [found]) for name in baselines},
    )


def _columns() -> list[tuple[str, str]]:
    """(heading, quantity) of every column, in order."""
    of_tasks = [
        (heading, quantity)
        for heading, metrics in TASKS.values()
        for quantity in (*metrics.values(), DELTA)
    ]
    return [*of_tasks, (OVERALL, DELTA), (COST, HOURS), (COST, RELATIVE)]


def _ours(found: Results, suffix: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Column -> a row per method with value, std and runs."""
    runs = ["method", "seed"]
    values, deltas = (
        found.tests.pivot(index=runs, columns="metric", values=column).astype(float)
        for column in ("value", "delta")
    )
    columns, gains = {}, {}
    for task, (heading, metrics) in TASKS.items():
        names = [METRICS[m] + (suffix if task != "segmentation" else "") for m in metrics]
        for name, quantity in zip(names, metrics.values(), strict=True):
            columns[heading, quantity] = values[name]
        each = deltas[names]
        gains[heading] = columns[heading, DELTA] = each.mean(axis=1, skipna=False)
    columns[OVERALL, DELTA] = pd.concat(gains, axis=1).mean(axis=1, skipna=False)
    return {
        column: relative_improvement.over_seeds(series.rename("value")).droplevel("quantity")
        for column, series in columns.items()
    }


def _paper(reported: pd.DataFrame, name: str, other: str | None) -> pd.DataFrame:
    """The paper's numbers of one method: column -> value, std and runs."""
    cells = _compare.reported(reported, EXPERIMENT, (other, name))
    hours = _compare.reported(reported, EXPERIMENT, (_compare.REFERENCE,)).loc["hours", "value"]
    found = {}
    for task, (heading, metrics) in TASKS.items():
        printed = {**metrics, f"{task}_avg_delta": DELTA}
        found |= {(heading, q): cells.loc[m] for m, q in printed.items() if m in cells.index}
    gains = [found[heading, DELTA] for heading, _ in TASKS.values() if (heading, DELTA) in found]
    if len(gains) == len(TASKS):
        found[OVERALL, DELTA] = pd.concat(gains, axis=1).mean(axis=1, skipna=False)
    if "hours" in cells.index:
        found[COST, HOURS] = cells.loc["hours"]
        found[COST, RELATIVE] = cells.loc["hours"] / [hours, 1, 1]
    return pd.DataFrame(found.values(), index=list(found), columns=list(_compare.PARTS))
