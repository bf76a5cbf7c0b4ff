"""The history of an experiment, per method and epoch: shared by figures over training time."""

from collections.abc import Iterable

import pandas as pd
import seaborn
from matplotlib.axes import Axes

from .. import schema
from ..results import Results
from . import _style


def methods(results: Results, experiment: schema.Experiment) -> list[str]:
    """The methods that train all tasks together and were run, in the configured order."""
    together = [m for m, method in experiment.methods.items() if not method.separate]
    return [m for m in together if m in results.methods]


def average(history: pd.DataFrame, columns: Iterable[str], name: str) -> pd.DataFrame:
    """The mean of some columns as `name`, a row per method, seed and epoch that has them."""
    present = [column for column in columns if column in history]
    mean = history[present].astype(float).mean(axis=1)
    return history[["method", "seed", "epoch"]].assign(quantity=name, value=mean).dropna()


def draw(axes: Axes, long: pd.DataFrame, experiment: schema.Experiment) -> None:
    """A line per method: the median over seeds, from the smallest to the largest as a band."""
    drawn = set(long["method"])
    methods = {name: method for name, method in experiment.methods.items() if name in drawn}
    labels = {name: _style.label(method) for name, method in methods.items()}
    seaborn.lineplot(
        long.assign(method=long["method"].map(labels)),
        x="epoch",
        y="value",
        hue="method",
        palette={labels[name]: method.colour for name, method in methods.items()},
        hue_order=labels.values(),
        estimator="median",
        errorbar=("pi", 100),
        err_kws={"alpha": 0.1, "linewidth": 0},
        linewidth=1,
        ax=axes,
    )
    axes.get_legend().remove()  # one legend serves all panels
    axes.set(xlabel="", ylabel="")
    axes.xaxis.get_major_locator().set_params(integer=True)
