"""Yes or no: binary cross-entropy and F1 of the positive class (scikit-learn's).

`f1` is that of the whole split, `f1_batches` its plain mean over batches of the training's size, as
in the official code's example (`example/tasks.py`, `engine.py` and `main.py`). They differ most
where positives are rare: a batch in which none is found counts 0.
"""

import numpy as np
import torch.nn.functional as F
from sklearn import metrics
from torch import Tensor

from ._scalar import ScalarKind

METRICS = {"f1": True, "f1_batches": True}
DENSE = False
TARGETS = 1


class Binary(ScalarKind):
    """Takes 0 or 1 as target and one logit as output."""

    def losses(self, outputs: Tensor, targets: Tensor, shifts: list[float]) -> Tensor:
        """Compute the binary cross-entropy on logits."""
        logits = outputs[..., 0]
        return F.binary_cross_entropy_with_logits(logits, targets.T, reduction="none").mean(1)

    def metric(self, outputs: np.ndarray, targets: np.ndarray, loss: float) -> float:
        """Compute F1 of the positive class: 0 where nothing is positive."""
        return float(metrics.f1_score(targets > 0.5, outputs[:, 0] > 0, zero_division=0.0))

    def measure(
        self, outputs: np.ndarray, targets: np.ndarray, loss: float, batch: int
    ) -> list[float]:
        """Compute F1 of the split and the mean of the batches'."""
        (whole,) = super().measure(outputs, targets, loss, batch)
        if whole != whole:
            return [whole, whole]
        means = metrics.f1_score(
            _rows(targets > 0.5, batch),
            _rows(outputs[:, 0] > 0, batch),
            average="samples",
            zero_division=0.0,
        )
        return [whole, float(means)]


def _rows(labels: np.ndarray, batch: int) -> np.ndarray:
    """Make a row of each batch, filled with negatives, which F1 does not count: one at least."""
    filled = np.pad(labels, (0, -len(labels) % batch)).reshape(-1, batch)
    return np.pad(filled, ((0, 0), (0, 1)))


def build() -> ScalarKind:
    """Build the kind."""
    return Binary()
