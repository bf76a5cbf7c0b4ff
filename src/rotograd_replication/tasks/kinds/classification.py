"""Classification: negative log-likelihood and accuracy (scikit-learn's)."""

import numpy as np
import torch.nn.functional as F
from sklearn import metrics
from torch import Tensor

from ._scalar import ScalarKind

METRICS = {"accuracy": True}
DENSE = False
TARGETS = 1


class Classification(ScalarKind):
    """Takes a class number as target and one output per class."""

    def losses(self, outputs: Tensor, targets: Tensor, shifts: Tensor) -> Tensor:
        """Compute the negative log-likelihood of the target's class."""
        return F.cross_entropy(outputs.permute(0, 2, 1), targets.T.long(), reduction="none").mean(1)

    def metric(self, outputs: np.ndarray, targets: np.ndarray, loss: float) -> float:
        """Compute the accuracy."""
        return float(metrics.accuracy_score(targets, outputs.argmax(1)))


def build() -> ScalarKind:
    """Build the kind."""
    return Classification()
