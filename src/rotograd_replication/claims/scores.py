"""Results as arrays: a row per seed, a column per task, for any quantity of the claims."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from ..results.tidy import Results
from .schema import Quantity

# Over the last axis: `[..., tasks]` -> `[...]`.
STATISTICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "avg": lambda x: np.mean(x, -1),
    "med": lambda x: np.median(x, -1),
    "min": lambda x: np.min(x, -1),
    "max": lambda x: np.max(x, -1),
    "std": lambda x: np.std(x, -1, ddof=1),
    "range": lambda x: np.ptp(x, -1),
}
SECONDS_PER_HOUR = 3600
# The other convention of averaging over pixels is another table (see `tasks/kinds/_maps.py`).
OTHER_CONVENTION = "_global"


def tasks(found: Results, quantity: Quantity) -> pd.DataFrame:
    """What a quantity is made of: a row per (method, seed), a column per task.

    A run without a finite number for a task (diverged, or Delta undefined) has NaN there.
    """
    if quantity.of == "hours":
        return quantity.times * _hours(found)
    if quantity.at == "last_epoch":
        return quantity.times * _last_epoch(found, quantity)
    tests = found.tests
    if quantity.metric:
        tests = tests[tests["metric"] == quantity.metric]
    else:
        tests = tests[~tests["metric"].str.endswith(OTHER_CONVENTION)]
    if quantity.tasks:
        tests = tests[tests["task"].isin(quantity.tasks)]
    keys = [tests[key] for key in ("method", "seed", "task")]
    groups = tests[quantity.of].astype(float).groupby(keys, sort=False)
    means = groups.mean().mask(groups.count() < groups.size())  # over the metrics of a task
    return quantity.times * means.unstack("task", sort=False).replace([np.inf, -np.inf], np.nan)


def _hours(found: Results) -> pd.DataFrame:
    columns = ["method", "seed", "epoch", "seconds"]
    history = pd.read_csv(found.history_file, usecols=columns)
    last = history.sort_values("epoch").groupby(["method", "seed"], sort=False)["seconds"].last()
    return (last / SECONDS_PER_HOUR).to_frame("run")


def _last_epoch(found: Results, quantity: Quantity) -> pd.DataFrame:
    """The metric on the validation split when training ended; a diverged run's never did."""
    rows = found.history.sort_values("epoch").groupby(["method", "seed"], sort=False).tail(1)
    prefix = f"val_{quantity.metric}/"
    last = rows.set_index(["method", "seed"]).filter(regex=f"^{prefix}")
    last = last.rename(columns=lambda column: column.removeprefix(prefix))
    last.loc[[seed in found.diverged.get(method, []) for method, seed in last.index]] = np.nan
    return last[list(quantity.tasks)] if quantity.tasks else last


def over_tasks(scores: pd.DataFrame, quantity: Quantity) -> pd.DataFrame:
    """The statistic of each run, in one column; every task a column where each counts alone."""
    if quantity.statistic == "each":
        return scores
    values = STATISTICS[quantity.statistic](scores.to_numpy())
    return pd.DataFrame({quantity.statistic: values}, index=scores.index)
