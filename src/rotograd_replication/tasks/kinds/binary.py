"""Yes or no: binary cross-entropy and F1 of the positive class (scikit-learn's).

F1 is that of the whole split. The official code's example averages scikit-learn's F1 over batches,
which is another number where positives are rare.
"""

import numpy as np
import torch.nn.functional as F
from sklearn import metrics
from torch import Tensor

from ._scalar import ScalarKind

METRICS = {"f1": True}
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


def build() -> ScalarKind:
    """Build the kind."""
    return Binary()
