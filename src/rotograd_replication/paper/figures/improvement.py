"""Figure 4: relative improvement of every task over its single-task network, per method.

Source: RotoGrad, section 6.3. Deviation: the paper draws few methods; here all that were run.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ...config import schema
from ...results import convergence, quantities
from ...results.tidy import Results
from .. import caption
from . import _style

NEEDS = {"experiments": 1, "methods": ["single_task"], "some_method": "joint"}
DELTA = quantities.Quantity(
    label="Δ of each task", of="delta", statistic="each", direction="higher", unit="%"
)
FEWEST = 6  # rows that a panel has room for where fewer methods were run


def notes(results: dict[str, Results]) -> str:
    """Say what is drawn, how far single-task networks have converged, and what is not there."""
    mean = any(
        (found.tests.groupby("task")["metric"].nunique() > 1).any() for found in results.values()
    )
    said = ["Median over seeds; bars from the smallest to the largest."]
    said += ["Δ of a task is the mean over its metrics."] * mean
    said += filter(None, map(convergence.sentence, results.values()))
    return " ".join([*said, *caption.undefined(results.values())])


def _improvements(found: Results) -> pd.DataFrame:
    """Gather a row per run and task: its Δ, and its metric where it has one alone."""
    rows = found.tests.copy()
    alone = rows.groupby("task")["metric"].nunique() == 1
    rows["value"] = rows["value"].where(rows["task"].map(alone))
    rows = rows.drop_duplicates(["method", "seed", "task"]).drop(columns="delta")
    delta = quantities.per_task(found, DELTA).rename_axis(columns="task")
    long = delta.melt(value_name="delta", ignore_index=False).reset_index()
    return rows.merge(long, on=["method", "seed", "task"], how="left")


def build(
    results: dict[str, Results], study: schema.Study, datasets: dict[str, schema.Dataset]
) -> tuple[Figure, pd.DataFrame]:
    """Draw a panel per task, a row per method: the median, and a bar from smallest to largest."""
    (given,) = results.values()
    experiment = study.experiments[given.name]
    found = _improvements(given).dropna(subset="delta")
    shown = [m for m, method in experiment.methods.items() if not method.separate]
    shown = [m for m in shown if m in set(found["method"])]
    found = found.loc[found["method"].isin(shown), ["task", "method", "seed", "value", "delta"]]
    tasks = datasets[experiment.dataset].tasks
    drawing, grid = _style.panels(len(tasks), 5, 0.45 + 0.115 * max(len(shown), FEWEST))
    for i, (axes, task) in enumerate(zip(grid, tasks, strict=True)):
        axes.axvline(0, color="#888888", linewidth=0.8, zorder=0)
        axes.grid(axis="x")
        for row, name in enumerate(shown):
            chosen = found["task"].eq(task.name) & found["method"].eq(name)
            runs = found.loc[chosen, "delta"].to_numpy()
            if not runs.size:
                continue
            look = _style.look(name, experiment.methods[name]) | {"linestyle": "", "markersize": 4}
            axes.hlines(row, runs.min(), runs.max(), color=look["color"], linewidth=2, alpha=0.4)
            axes.plot(np.median(runs), row, **look)
        labels = [_style.label(experiment.methods[name]) for name in shown] if i % 5 == 0 else []
        axes.set_yticks(range(len(shown)), labels or [""] * len(shown))
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_title(task.label)
        if not found["task"].eq(task.name).any():
            _style.nothing(axes, "no Δ")
    for axes in grid[-5:]:
        axes.set_xlabel("Δ (%) ↑")
    return drawing, found
