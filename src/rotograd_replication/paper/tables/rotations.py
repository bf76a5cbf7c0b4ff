"""How far the rotations of each method turn, and how well it trains.

The validation losses are those of the best epoch; the angle is the largest of any plane, task and
epoch of a run (see `methods/rotations/_angles.py`).
"""

import pandas as pd

from ...config import schema
from ...results.quantities import Paper
from ...results.tidy import Results
from ..table_format import Table
from . import _reported

NEEDS = {"some_method": "rotating"}
LOSSES, ANGLE = "Sum of validation losses ↓", "Largest plane angle, rad"


def build(results: dict[str, Results], study: schema.Study, paper: Paper, caption: str) -> Table:
    """Median and standard deviation over seeds of the losses and of the angle."""
    cells: dict[tuple[str, ...], _reported.Cell] = {}
    several = len(results) > 1
    for experiment, found in results.items():
        chosen = study.experiments[experiment]
        block = chosen.title if several else ""
        losses = _losses(found.finished)
        for method, entry in chosen.methods.items():
            if method not in found.methods or entry.separate:  # its tasks have an epoch each
                continue
            label = _reported.label(entry, method, [found])
            own = losses.reindex([(method, seed) for seed in found.seeds[method]])
            columns = {LOSSES: own.droplevel("method"), ANGLE: found.angles_of(method)}
            for quantity, values in columns.items():
                cells[block, label, quantity, "replicated"] = _reported.over_seeds(values)
    return _reported.table(
        "Rotations",
        f"{caption} Median ± standard deviation over seeds. The losses are those of the epoch with "
        "the smallest sum, the angle the largest of any plane, task and epoch: of the exponent, or "
        "of R itself, at most π, where rotations are dynamic. The paper reports none of these "
        "numbers.",
        cells,
        higher={LOSSES: False},
    )


def _losses(history: pd.DataFrame) -> pd.Series:
    """Find each run's smallest sum of validation losses over the epochs of training."""
    trained = history[history["epoch"] > 0].set_index(["method", "seed"])
    sums = trained.filter(regex="^val_loss/").sum(axis=1, min_count=1)
    return sums.groupby(["method", "seed"], sort=False).min()
