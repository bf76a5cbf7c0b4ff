"""Relative task improvement (eq. 6), one number per task, and medians over seeds."""

import math

import numpy as np
import pandas as pd

# The method that improvements are over.
BASELINE = "single_task"


def improvement(value: float, single: float, higher_is_better: bool) -> float:
    """Compute `Delta_k = 100 * (-1)^{l_k} (M_k - S_k) / S_k` in percent: positive is better.

    Source: RotoGrad, eq. 6. `l_k` is 1 where a lower metric is better.

    Args:
        value: `M_k`, the metric of the multitask network on the test split.
        single: `S_k`, the metric of the single-task network.
        higher_is_better: Whether `l_k` is 0.

    Returns:
        Delta_k, or NaN where `S_k` is 0 and no relative change exists.
    """
    if single == 0 or not math.isfinite(single):
        return math.nan
    sign = 1 if higher_is_better else -1
    return 100 * sign * (value - single) / single


def over_seeds(runs: pd.DataFrame | pd.Series) -> pd.DataFrame:
    """Compute each method's median, standard deviation (`ddof=1`, NaN for one run) and runs.

    Args:
        runs: A number per (method, seed), or several, one a column.

    Returns:
        A row per (method, quantity) with columns value, std and runs.
    """
    frame = runs.to_frame() if isinstance(runs, pd.Series) else runs
    frame.columns.name = "quantity"
    tidy = frame.stack(future_stack=True).groupby(["method", "quantity"], sort=False)
    with np.errstate(invalid="ignore"):
        return pd.DataFrame(tidy.agg(value="median", std="std", runs="count"))
