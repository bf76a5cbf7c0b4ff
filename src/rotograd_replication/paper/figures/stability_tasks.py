"""Appendix to Figure 3: the same sweep for every task, in each of its metrics."""

import pandas as pd
from matplotlib.figure import Figure

from ...config import schema
from ...results.tidy import Results
from . import _style, _sweep

NEEDS = {"experiments": 1, "some_method": "swept"}


def build(
    results: dict[str, Results], study: schema.Study, datasets: dict[str, schema.Dataset]
) -> tuple[Figure, pd.DataFrame]:
    """Draw a panel per task and metric: median, quartiles and every run."""
    (found,) = results.values()
    experiment = study.experiments[found.name]
    runs = _sweep.points(found, experiment)
    panels = [(t, m, up) for t in datasets[experiment.dataset].tasks for m, up in t.metrics.items()]
    drawing, grid = _style.panels(len(panels), 3, 2.0)
    for axes, (task, metric, higher) in zip(grid, panels, strict=True):
        _sweep.draw(
            axes, runs[(runs["task"] == task.name) & (runs["metric"] == metric)], experiment
        )
        axes.set_title(task.label)
        axes.set_ylabel(_sweep.measure(metric, higher))
    _sweep.legend(drawing, grid, experiment, 4)
    return drawing, runs
