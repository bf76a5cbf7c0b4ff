"""Validation loss of every task over training, for every method that trains them together.

From the first epoch on: the untrained network's loss would set the scale of every panel.
"""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ...config import schema
from ...results.tidy import Results
from . import _epochs, _style

NEEDS = {"some_method": "joint"}
COLUMNS = 5


def notes(results: dict[str, Results]) -> str:
    """Say what lines and bands are."""
    return _epochs.NOTE


def build(
    results: dict[str, Results], study: schema.Study, datasets: dict[str, schema.Dataset]
) -> tuple[Figure, pd.DataFrame]:
    """Draw a row of panels per experiment, a panel per task, a line per method."""
    panels = [
        (found, task)
        for found in results.values()
        for task in datasets[study.experiments[found.name].dataset].tasks
    ]
    drawing, grid = _style.panels(len(panels), COLUMNS, 1.45)
    drawn = []
    for i, (axes, (found, task)) in enumerate(zip(grid, panels, strict=True)):
        experiment = study.experiments[found.name]
        names = _epochs.methods(found, experiment)
        long = _epochs.average(found.finished, [f"val_loss/{task.name}"], f"val_loss/{task.name}")
        long = long[long["method"].isin(names) & (long["epoch"] > 0)]
        drawn.append(long.assign(experiment=found.name))
        _epochs.draw(axes, long, experiment)
        axes.set_title(task.label, fontsize=6)
        axes.grid(axis="y")
        if (long["value"] > 0).all() and long["value"].max() > 4 * long["value"].min():
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_locator(NullLocator())
        if i % COLUMNS == 0:
            axes.set_ylabel(f"{found.name}\nvalidation loss")
        if i >= len(panels) - COLUMNS:
            axes.set_xlabel("epoch")
    _style.legend(drawing, grid, 5)
    return drawing, pd.concat(drawn)
