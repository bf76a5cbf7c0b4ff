"""Whether single-task networks, which improvements are relative to, have trained long enough.

A network has converged where the last quarter of its epochs lowers its smallest validation loss by
at most 1 %. Our rule: the paper states none.
"""

import statistics

from .relative_improvement import BASELINE
from .tidy import Results

LAST = 0.25
SMALL = 0.01


def sentence(results: Results) -> str:
    """Say how many single-task networks have converged, and how far the others are from it.

    Each run has one network per task; those of runs that diverged are not counted. Empty where
    none was trained to its end.
    """
    history = results.finished
    runs = history[history["method"] == BASELINE].set_index("epoch").groupby("seed")
    converged: list[bool] = []
    gains: list[float] = []
    for _, run in runs:
        losses = run.filter(regex="^val_loss/")
        before = losses[losses.index <= (1 - LAST) * losses.index.max()].min()
        converged += list(losses.min() >= before - SMALL * before.abs())
        gains += list((before - losses.min()) / before.abs())
    if not gains:
        return ""
    return (
        f"Converged, {results.name}: {sum(converged)} of {len(gains)} single-task networks (the "
        f"last quarter of the epochs lowered the validation loss by at most {SMALL:.0%}; in the "
        f"median over all networks it did by {100 * statistics.median(gains):.1f}%, at most by "
        f"{100 * max(gains):.1f}%)."
    )
