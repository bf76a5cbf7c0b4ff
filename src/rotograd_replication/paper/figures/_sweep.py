"""Test error against the learning rate of the rotations: shared by the stability figures."""

import pandas as pd
import seaborn
from matplotlib.axes import Axes

from ...config import schema
from ...results.tidy import Results
from . import _style

PREFIX = "rotograd_lr_"
BASELINE = "vanilla"
NAMES = {"mse": "MSE", "f1": "F1"}


def rates(experiment: schema.Experiment) -> dict[str, float]:
    """Method -> the learning rate of its rotations; 0 for the network without rotations."""
    swept = {
        name: method.rotation.learning_rate.value
        for name, method in experiment.methods.items()
        if name.startswith(PREFIX) and method.rotation
    }
    return {BASELINE: 0.0} | dict(sorted(swept.items(), key=lambda item: item[1]))


def points(results: Results, experiment: schema.Experiment) -> pd.DataFrame:
    """A row per run and task: method, seed, task, metric, value, higher_is_better, rate."""
    rate = rates(experiment)
    columns = ["method", "seed", "task", "metric", "value", "higher_is_better"]
    chosen = results.tests.loc[results.tests["method"].isin(rate), columns]
    return chosen.assign(rate=chosen["method"].map(rate)).sort_values(["task", "rate", "seed"])


def measure(runs: pd.DataFrame) -> str:
    """What is measured, and which way is better."""
    name = next(iter(runs["metric"]), "error")
    arrow = "↑" if runs["higher_is_better"].all() else "↓"
    return f"test {NAMES.get(name, name)} {arrow}"


def draw(axes: Axes, runs: pd.DataFrame, experiment: schema.Experiment) -> None:
    """One task: every run as a point, the median as a line, the quartiles as a band."""
    if runs.empty:
        _style.nothing(axes)
        return
    swept = sorted(rate for rate in runs["rate"].unique() if rate > 0)
    zero = swept[0] / 4 if swept else 1e-6  # where "no rotation" stands on the logarithmic axis
    without = runs.loc[runs["rate"] == 0, "value"]
    methods = experiment.methods
    swept_method = methods[next((m for m in methods if m.startswith(PREFIX)), BASELINE)]
    colour = swept_method.colour
    seaborn.lineplot(
        runs[runs["rate"] > 0],
        x="rate",
        y="value",
        estimator="median",
        errorbar=("pi", 50),
        err_kws={"alpha": 0.18, "linewidth": 0},
        color=colour,
        marker=swept_method.marker,
        markersize=3.5,
        markeredgewidth=0,
        label="RotoGrad: median, quartiles",
        legend=False,
        ax=axes,
    )
    if len(without):
        grey = methods[BASELINE].colour
        axes.axhline(without.median(), color=grey, linestyle=":", linewidth=0.9, zorder=0)
        axes.vlines(zero, *without.quantile([0.25, 0.75]), color=grey, alpha=0.3, linewidth=5)
        label = {"label": "no rotations", "linestyle": ":"}
        axes.plot(
            zero,
            without.median(),
            color=grey,
            marker=methods[BASELINE].marker,
            markersize=4,
            **label,
        )
    places = runs["rate"].where(runs["rate"] > 0, zero)
    axes.plot(places, runs["value"], ".", color="#222222", markersize=2, alpha=0.6, label="one run")
    network = experiment.training.optimizer.learning_rate.value
    dashes = {"linestyle": "--", "linewidth": 0.8, "label": "network's rate"}
    axes.axvline(network, color="#888888", zorder=0, **dashes)
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks(
        [zero, *swept],
        ["none", *(f"{rate:.0e}".replace("e-0", "e-") for rate in swept)],
        rotation=90,
    )
    axes.set_xlabel("learning rate of the rotations")
