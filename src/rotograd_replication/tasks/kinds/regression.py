"""Regression: squared error, as loss and as metric (scikit-learn's)."""

import numpy as np
from sklearn import metrics
from torch import Tensor

from ._scalar import ScalarKind

METRICS = {"mse": False}
DENSE = False
TARGETS = 1


class Regression(ScalarKind):
    """Takes a number as target and one output."""

    def losses(self, outputs: Tensor, targets: Tensor, shifts: list[float]) -> Tensor:
        """Compute the mean squared error."""
        return ((outputs[..., 0] - targets.T) ** 2).mean(1)

    def metric(self, outputs: np.ndarray, targets: np.ndarray, loss: float) -> float:
        """Compute the mean squared error."""
        return float(metrics.mean_squared_error(targets, outputs[:, 0]))


def build() -> ScalarKind:
    """Build the kind."""
    return Regression()
