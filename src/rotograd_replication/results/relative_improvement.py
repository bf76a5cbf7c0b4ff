"""Relative task improvement: one number per task, then over tasks, then over seeds (eq. 6)."""

import math

import numpy as np
import pandas as pd

# The method that improvements are over.
BASELINE = "single_task"
STATISTICS = {"avg": "mean", "med": "median", "max": "max"}


def improvement(value: float, single: float, higher_is_better: bool) -> float:
    """`Delta_k = 100 * (-1)^{l_k} (M_k - S_k) / S_k` in percent: positive is better.

    Source: RotoGrad, eq. 6. `l_k` is 1 where a lower metric is better.

    Args:
        value: `M_k`, the metric of the multitask network on the test split.
        single: `S_k`, the metric of the single-task network.
        higher_is_better: whether `l_k` is 0.

    Returns:
        Delta_k, or NaN where `S_k` is 0 and no relative change exists.
    """
    if single == 0 or not math.isfinite(single):
        return math.nan
    sign = 1 if higher_is_better else -1
    return 100 * sign * (value - single) / single


def over_tasks(runs: pd.DataFrame, column: str = "delta") -> pd.DataFrame:
    """Average, median and maximum over the tasks of each run.

    A run that lacks a task's value is NaN: a mean over fewer tasks would be another quantity.

    Args:
        runs: a row per run and task, with `method`, `seed` and `column`.
        column: what is summarised.

    Returns:
        A row per (method, seed), with columns avg, med and max.
    """
    groups = runs.groupby(["method", "seed"], sort=False)[column]
    summary = groups.agg(**STATISTICS)
    return summary.mask(groups.count() < groups.size())


def over_seeds(runs: pd.DataFrame | pd.Series) -> pd.DataFrame:
    """Median, standard deviation (`ddof=1`, NaN for one run) and number of runs of each method.

    Args:
        runs: what `over_tasks` returns, or one of its columns.

    Returns:
        A row per (method, quantity) with columns value, std and runs.
    """
    frame = runs.to_frame() if isinstance(runs, pd.Series) else runs
    frame.columns.name = "quantity"
    tidy = frame.stack(future_stack=True).groupby(["method", "quantity"], sort=False)
    with np.errstate(invalid="ignore"):
        return tidy.agg(value="median", std="std", runs="count")
