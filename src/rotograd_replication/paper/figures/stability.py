"""Figure 3: the rotations must learn slower than the network: test error of the sum of digits.

Source: RotoGrad, section 6.1. Leftmost, the network without rotations.
"""

import pandas as pd
from matplotlib.figure import Figure

from ...config import schema
from ...results.tidy import Results
from . import _style, _sweep

NEEDS = {"experiments": 1, "some_method": "swept", "tasks": {"sum": ["mse"]}}
TASK, METRIC = "sum", "mse"


def build(
    results: dict[str, Results], study: schema.Study, datasets: dict[str, schema.Dataset]
) -> tuple[Figure, pd.DataFrame]:
    """Draw median, quartiles and every run, for each learning rate of the rotations."""
    (found,) = results.values()
    experiment = study.experiments[found.name]
    runs = _sweep.points(found, experiment)
    runs = runs[(runs["task"] == TASK) & (runs["metric"] == METRIC)]
    drawing = _style.figure(_style.COLUMN, 2.7)
    axes = drawing.subplots()
    _sweep.draw(axes, runs, experiment)
    labels = {task.name: task.label for task in datasets[experiment.dataset].tasks}
    axes.set_ylabel(f"{labels[TASK]}: {_sweep.measure(METRIC, False)}")
    _sweep.legend(drawing, [axes], experiment, 2)
    return drawing, runs
