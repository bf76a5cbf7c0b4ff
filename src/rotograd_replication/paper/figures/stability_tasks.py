"""Appendix to Figure 3: the same sweep for every task, each in its own metric."""

import pandas as pd
from matplotlib.figure import Figure

from ...config import schema
from ...results.tidy import Results
from . import _style, _sweep

EXPERIMENT = "stability"


def build(
    results: dict[str, Results], study: schema.Study, datasets: dict[str, schema.Dataset]
) -> tuple[Figure, pd.DataFrame]:
    """A panel per task: median, quartiles and every run."""
    experiment = study.experiments[EXPERIMENT]
    runs = _sweep.points(results[EXPERIMENT], experiment)
    tasks = datasets[experiment.dataset].tasks
    drawing, grid = _style.panels(len(tasks), 3, 2.0)
    for axes, task in zip(grid, tasks, strict=True):
        of_task = runs[runs["task"] == task.name]
        _sweep.draw(axes, of_task, experiment)
        axes.set_title(task.label)
        axes.set_ylabel(_sweep.measure(of_task))
    _style.legend(drawing, grid[:1], 4)
    return drawing, runs
