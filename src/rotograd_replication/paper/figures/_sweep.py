"""Test error against the learning rate of the rotations: shared by the stability figures."""

from typing import Any

import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...config import schema, sweeps
from ...config.shorthand import written
from ...results.tidy import Results
from ..caption import METRICS
from . import _style

BASELINE = "vanilla"


def rates(experiment: schema.Experiment) -> dict[str, float]:
    """Map each method to the learning rate of its rotations; 0 for no rotations."""
    swept = {
        name: rate for group in sweeps.of_rotations(experiment) for name, rate in group.items()
    }
    without = {BASELINE: 0.0} if BASELINE in experiment.methods else {}
    return without | dict(sorted(swept.items(), key=lambda item: item[1]))


def points(results: Results, experiment: schema.Experiment) -> pd.DataFrame:
    """Gather a row per run and metric, with the rate of its rotations."""
    rate = rates(experiment)
    columns = ["method", "seed", "task", "metric", "value", "higher_is_better"]
    tests = results.tests.dropna(subset="value")
    chosen = tests.loc[tests["method"].isin(rate), columns]
    return chosen.assign(rate=chosen["method"].map(rate)).sort_values(["task", "rate", "seed"])


def measure(metric: str, higher: bool) -> str:
    """Say what is measured, and which way is better."""
    return f"test {METRICS.get(metric, metric)} {'↑' if higher else '↓'}"


def label(methods: list[schema.Method]) -> str:
    """Return what a sweep's labels have in common: `RotoGrad` of `RotoGrad, 1e-3`."""
    labels = [method.label.split(", ") for method in methods]
    common = [part for part in labels[0] if all(part in parts for parts in labels)]
    return ", ".join(common) or " / ".join(method.label for method in methods)


def draw(axes: Axes, runs: pd.DataFrame, experiment: schema.Experiment) -> None:
    """One metric of one task: runs as points, a sweep's median as a line, quartiles as a band."""
    if runs.empty:
        _style.nothing(axes)
        return
    swept = sorted(float(rate) for rate in runs["rate"].unique() if rate > 0)
    zero = swept[0] / 4 if swept else 1e-6  # where "no rotation" stands on the logarithmic axis
    without = runs.loc[runs["rate"] == 0, "value"]
    methods = experiment.methods
    for group in sweeps.of_rotations(experiment):
        chosen = runs[runs["method"].isin(group)]
        first = methods[next(iter(group))]
        if chosen.empty:
            continue
        seaborn.lineplot(
            chosen,
            x="rate",
            y="value",
            estimator="median",
            errorbar=("pi", 50),
            err_kws={"alpha": 0.18, "linewidth": 0},
            color=first.colour,
            marker=first.marker,
            markersize=3.5,
            markeredgewidth=0,
            label=f"{label([methods[name] for name in group])}: median, quartiles",
            legend=False,
            ax=axes,
        )
    if len(without):
        grey = methods[BASELINE].colour
        axes.axhline(without.median(), color=grey, linestyle=":", linewidth=0.9, zorder=0)
        axes.vlines(zero, *without.quantile([0.25, 0.75]), color=grey, alpha=0.3, linewidth=5)
        axes.plot(
            zero,
            without.median(),
            color=grey,
            marker=methods[BASELINE].marker,
            markersize=4,
            label="no rotations",
            linestyle=":",
        )
    places = runs["rate"].where(runs["rate"] > 0, zero)
    axes.plot(places, runs["value"], ".", color="#222222", markersize=2, alpha=0.6, label="one run")
    network = experiment.training.optimizer.learning_rate.value
    dashes: dict[str, Any] = {"linestyle": "--", "linewidth": 0.8, "label": "network's rate"}
    axes.axvline(network, color="#888888", zorder=0, **dashes)
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks(
        [*([zero] if len(without) else []), *swept],
        [*(["none"] if len(without) else []), *(written(rate) for rate in swept)],
        rotation=90,
    )
    axes.set_xlabel("rotations' learning rate")


def legend(drawing: Figure, grid: list[Axes], experiment: schema.Experiment, columns: int) -> None:
    """One legend above all panels, in half the columns where several sweeps have long labels."""
    several = len(sweeps.of_rotations(experiment)) > 1
    _style.legend(drawing, grid, columns // 2 if several else columns)
