"""What the rule for the best epoch changes: the sum of validation losses, or relative improvements.

Both rules choose among the epochs of the same training. Their epochs' metrics are compared on the
validation split: the test split is measured for the kept parameters alone.
"""

import pandas as pd

from ...config import schema
from ...results import relative_improvement
from ...results.quantities import Paper
from ...results.tidy import Results
from ..table_format import Table
from . import _reported

NEEDS = {"some_method": "joint"}

SUM, RELATIVE = "Epoch of the smallest sum", "Epoch of the largest mean improvement"
GAIN = "avg_k Δ_k of the second over the first, validation ↑"


def build(results: dict[str, Results], study: schema.Study, paper: Paper, caption: str) -> Table:
    """Median and standard deviation over seeds of both epochs, and of what the second gains."""
    cells: dict[tuple[str, ...], _reported.Cell] = {}
    for experiment, found in results.items():
        chosen = study.experiments[experiment]
        tasks = study.datasets[chosen.dataset].tasks
        block = chosen.title if len(results) > 1 else ""
        for method, entry in chosen.methods.items():
            if method not in found.methods or entry.separate:  # of one task, both rules are one
                continue
            label = _reported.label(entry, method, [found])
            history = found.finished[found.finished["method"] == method]
            rows = {seed: _compare_rules(run, tasks) for seed, run in history.groupby("seed")}
            seeds = pd.Index(rows, name="seed")  # none where every run diverged
            for quantity in (SUM, RELATIVE, GAIN):
                values = pd.Series([row[quantity] for row in rows.values()], seeds)
                cells[block, label, quantity, "replicated"] = _reported.over_seeds(values)
    return _reported.table(
        "The rule for the best epoch",
        f"{caption} Median ± standard deviation over seeds. A task's relative improvement is that "
        "of its validation loss on the loss before training; Δ_k is that of its validation metric "
        "at the second rule's epoch over the first's, in percent. The paper reports none of these.",
        cells,
        higher={},
    )


def _compare_rules(run: pd.DataFrame, tasks: list[schema.Task]) -> dict[str, float]:
    """Both rules' epochs of one run, and the average relative gain of the second."""
    rows = run.set_index("epoch")
    losses = rows[[f"val_loss/{task.name}" for task in tasks]]
    before, trained = losses.loc[0], losses.loc[1:]
    by_sum = trained.index[int(trained.sum(axis=1).argmin())]
    by_relative = trained.index[int(((before - trained) / before.abs()).mean(axis=1).argmax())]
    gains = [
        relative_improvement.improvement(rows[column][by_relative], rows[column][by_sum], higher)
        for task in tasks
        for metric, higher in task.metrics.items()
        if (column := f"val_{metric}/{task.name}") in rows
    ]
    return {SUM: by_sum, RELATIVE: by_relative, GAIN: sum(gains) / len(gains)}
