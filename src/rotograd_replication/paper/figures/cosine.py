"""How aligned the tasks are during training: their gradients with each other and with the update.

Source: the cosine similarity figure of the ICLR version; its layout was not available, so the
panels are this project's choice. All gradients are at z; K tasks give K (K - 1) / 2 pairs.
"""

from itertools import combinations

import pandas as pd
from matplotlib.figure import Figure

from ...config import schema
from ...results.tidy import Results
from . import _epochs, _style

NEEDS = {"experiments": 1, "some_method": "joint", "fewest_tasks": 2}
PAIRS = "Gradients with each other"
BEFORE = "... with their sum"
AFTER = "... with the update"


def notes(results: dict[str, Results]) -> str:
    """Say what lines and bands are."""
    return _epochs.NOTE


def build(
    results: dict[str, Results], study: schema.Study, datasets: dict[str, schema.Dataset]
) -> tuple[Figure, pd.DataFrame]:
    """Three panels over epochs; a line per method, means over tasks (or pairs of tasks)."""
    (found,) = results.values()
    experiment = study.experiments[found.name]
    tasks = [task.name for task in datasets[experiment.dataset].tasks]
    quantities = {
        PAIRS: [f"cosine/{a}/{b}" for a, b in combinations(tasks, 2)],
        BEFORE: [f"update_cosine_before/{task}" for task in tasks],
        AFTER: [f"update_cosine_after/{task}" for task in tasks],
    }
    names = _epochs.methods(found, experiment)
    long = pd.concat(_epochs.average(found.finished, c, q) for q, c in quantities.items())
    long = long[long["method"].isin(names)]
    drawing, grid = _style.panels(len(quantities), 3, 2.6)
    ends: dict[str, float] = {}
    for axes, quantity in zip(grid, quantities, strict=True):
        axes.axhline(0, color="#888888", linewidth=0.8, zorder=0)
        axes.grid(axis="y")
        ends = _epochs.draw(axes, long[long["quantity"] == quantity], experiment)
        axes.set_title(quantity)
        axes.set_xlabel("epoch")
        if ends:
            axes.set_xlim(right=axes.dataLim.x1)  # the same epochs in every panel
    grid[1].sharey(grid[2])
    grid[0].set_ylabel("mean cosine similarity")
    looks = {name: _style.look(name, experiment.methods[name]) for name in ends}
    if ends:
        _style.ends(grid[-1], ends, looks)
    return drawing, long
