"""The history of an experiment, per method and epoch: shared by figures over training time."""

from collections.abc import Iterable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ...config import schema
from ...results.tidy import Results
from . import _style

NOTE = "Lines: median over seeds; bands from the smallest to the largest."


def methods(results: Results, experiment: schema.Experiment) -> list[str]:
    """List the methods that train all tasks together and were run, in the configured order."""
    together = [m for m, method in experiment.methods.items() if not method.separate]
    return [m for m in together if m in results.methods]


def average(history: pd.DataFrame, columns: Iterable[str], name: str) -> pd.DataFrame:
    """Average some columns as `name`: a row per method, seed and epoch that has them."""
    present = [column for column in columns if column in history]
    mean = history[present].astype(float).mean(axis=1)
    return history[["method", "seed", "epoch"]].assign(quantity=name, value=mean).dropna()


def draw(axes: Axes, long: pd.DataFrame, experiment: schema.Experiment) -> dict[str, float]:
    """Draw a line per method: the median over seeds, from the smallest to the largest as a band.

    Returns:
        Method -> where its line ends.
    """
    drawn = long.groupby(["method", "epoch"])["value"].agg(["median", "min", "max"])
    found = {}
    for i, (name, method) in enumerate(experiment.methods.items()):
        if name not in drawn.index:
            continue
        lines = drawn.loc[name]
        look = _style.look(name, method)
        # A few markers a line, not all methods' at the same epochs.
        step = max(1, len(lines) // 4)
        axes.fill_between(
            lines.index, lines["min"], lines["max"], color=method.colour, alpha=0.1, linewidth=0
        )
        axes.plot(lines.index, lines["median"], markevery=(i % step, step), **look)
        found[name] = float(lines["median"].iloc[-1])
    if not found:
        _style.nothing(axes)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    return found
