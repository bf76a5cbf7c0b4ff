"""Figure 3: the rotations must learn slower than the network: test error of the sum of digits.

Source: RotoGrad, section 6.1. Leftmost, the network without rotations.
"""

import pandas as pd
from matplotlib.figure import Figure

from ...config import schema
from ...results.tidy import Results
from . import _style, _sweep

EXPERIMENT = "stability"
TASK = "sum"


def build(
    results: dict[str, Results], study: schema.Study, datasets: dict[str, schema.Dataset]
) -> tuple[Figure, pd.DataFrame]:
    """Median, quartiles and every run, for each learning rate of the rotations."""
    experiment = study.experiments[EXPERIMENT]
    runs = _sweep.points(results[EXPERIMENT], experiment)
    runs = runs[runs["task"] == TASK]
    drawing = _style.figure(_style.COLUMN, 2.7)
    axes = drawing.subplots()
    _sweep.draw(axes, runs, experiment)
    labels = {task.name: task.label for task in datasets[experiment.dataset].tasks}
    axes.set_ylabel(f"{labels[TASK]}: {_sweep.measure(runs)}")
    _style.legend(drawing, [axes], 2)
    return drawing, runs
