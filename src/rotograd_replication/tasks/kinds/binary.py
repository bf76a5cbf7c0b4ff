"""Yes or no: binary cross-entropy and F1 of the positive class (scikit-learn's).

`f1` is that of the whole split, `f1_batches` its plain mean over the batches of the evaluation, as
in the official code's example (`example/tasks.py` and `engine.py`). They differ most where
positives are rare: a batch in which none is found counts 0.
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
        self, outputs: np.ndarray, targets: np.ndarray, loss: float, batches: list[slice]
    ) -> list[float]:
        """Compute F1 of the split and the mean of the batches'."""
        (whole,) = super().measure(outputs, targets, loss, batches)
        if whole != whole:
            return [whole, whole]
        return [whole, float(np.mean([self.metric(outputs[b], targets[b], loss) for b in batches]))]


def build() -> ScalarKind:
    """Build the kind."""
    return Binary()
