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

    def losses(self, outputs: Tensor, targets: Tensor, shifts: list[float]) -> Tensor:
        """Compute the negative log-likelihood of the target's class.

        `F.cross_entropy` as a gather: its `NLLLoss` of three dimensions is not deterministic on
        CUDA.
        """
        likelihoods = F.log_softmax(outputs.permute(0, 2, 1), 1)
        return -likelihoods.gather(1, targets.T.long()[:, None])[:, 0].mean(1)

    def metric(self, outputs: np.ndarray, targets: np.ndarray, loss: float) -> float:
        """Compute the accuracy."""
        return float(metrics.accuracy_score(targets, outputs.argmax(1)))


def build() -> ScalarKind:
    """Build the kind."""
    return Classification()
