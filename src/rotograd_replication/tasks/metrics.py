"""The metric of every kind of task whose targets are single numbers; scikit-learn's definitions."""

import numpy as np
from sklearn import metrics

# Kind -> the name of its metric.
NAMES = {
    "classification": "accuracy",
    "binary": "f1",
    "regression": "mse",
    "multimodal": "objective",
    "avocado": "objective",
}


def measure(kind: str, output: np.ndarray, target: np.ndarray, loss: float) -> float:
    """Accuracy, F1 of the positive class (0 where nothing is positive), mean squared error.

    The toy's metric is its objective, the loss.

    Args:
        kind: the task's.
        output: `[N, outputs]`; a diverged network's, not finite, gives NaN.
        target: `[N]`.
        loss: the mean loss.
    """
    if not np.isfinite(output).all():
        return float("nan")
    if kind == "classification":
        return float(metrics.accuracy_score(target, output.argmax(1)))
    if kind == "binary":
        return float(metrics.f1_score(target > 0.5, output[:, 0] > 0, zero_division=0.0))
    if kind == "regression":
        return float(metrics.mean_squared_error(target, output[:, 0]))
    return loss
