"""Whether single-task networks, which improvements are relative to, have trained long enough.

A network has converged where the last quarter of its epochs lowers its smallest validation loss by
at most 1 %. Our rule: the paper states none.
"""

from .relative_improvement import BASELINE
from .tidy import Results

LAST = 0.25
SMALL = 0.01


def sentence(results: Results) -> str:
    """Say how many single-task networks have converged; nothing where none was trained to its end.

    Each run has one network per task; those of runs that diverged are not counted.
    """
    history = results.finished
    runs = history[history["method"] == BASELINE].set_index("epoch").groupby("seed")
    found: list[bool] = []
    for _, run in runs:
        losses = run.filter(regex="^val_loss/")
        before = losses[losses.index <= (1 - LAST) * losses.index.max()].min()
        found += list(losses.min() >= before - SMALL * before.abs())
    if not found:
        return ""
    return (
        f"Converged, {results.name}: {sum(found)} of {len(found)} single-task networks (the last "
        f"quarter of the epochs lowers the validation loss by at most {SMALL:.0%})."
    )
