"""What kinds of tasks share whose targets are single numbers."""

import math
from abc import ABC, abstractmethod

import numpy as np
from torch import Tensor


class ScalarKind(ABC):
    """Computes the losses and the metrics of K tasks of one kind."""

    @abstractmethod
    def losses(self, outputs: Tensor, targets: Tensor, shifts: list[float]) -> Tensor:
        """Compute the mean loss of every task over a batch: `[K]`, differentiable.

        Args:
            outputs: Of the heads, `[K, B, outputs]`.
            targets: A column per task, `[B, K]`.
            shifts: The tasks' `shift`.
        """

    @abstractmethod
    def metric(self, outputs: np.ndarray, targets: np.ndarray, loss: float) -> float:
        """Compute one task's metric over a split.

        Args:
            outputs: Finite, `[N, outputs]`.
            targets: Of the task, `[N]`.
            loss: Its mean loss.
        """

    def measure(
        self, outputs: np.ndarray, targets: np.ndarray, loss: float, batch: int
    ) -> list[float]:
        """Compute the kind's `METRICS`, in order; NaN where an output is not finite.

        Args:
            outputs: `[N, outputs]`.
            targets: Of the task, `[N]`.
            loss: Its mean loss.
            batch: How many samples a batch has, for means over batches; the last may have fewer.
        """
        return [self.metric(outputs, targets, loss) if np.isfinite(outputs).all() else math.nan]
