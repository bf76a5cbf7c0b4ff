"""Figure 4: relative improvement of every CIFAR10 task over its single-task network, per method.

Source: RotoGrad, section 6.3. Deviation: the paper draws few methods; here all that were run.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ...config import schema
from ...results.tidy import Results
from .. import caption
from . import _style

EXPERIMENT = "cifar10"
FEWEST = 6  # rows that a panel has room for where fewer methods were run


def notes(results: dict[str, Results]) -> str:
    """Which improvements are not there, and why."""
    return " ".join(caption.undefined(results.values()))


def build(
    results: dict[str, Results], study: schema.Study, datasets: dict[str, schema.Dataset]
) -> tuple[Figure, pd.DataFrame]:
    """A panel per task, a row per method: median as a dot, smallest to largest run as a bar."""
    experiment = study.experiments[EXPERIMENT]
    found = results[EXPERIMENT].tests.dropna(subset="delta")
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
