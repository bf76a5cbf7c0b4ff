"""The toy's objective with several optima (`objectives.multimodal`), as loss and as metric."""

import numpy as np
import torch
from torch import Tensor

from ...runtime.device import send
from .. import objectives
from ._scalar import ScalarKind

METRICS = {"objective": False}
DENSE = False
TARGETS = 1


class Multimodal(ScalarKind):
    """Takes points of the plane as outputs; targets are not used."""

    def losses(self, outputs: Tensor, targets: Tensor, shifts: list[float]) -> Tensor:
        """Compute the mean objective, moved by the task's shift."""
        shift = send(torch.tensor(shifts, dtype=outputs.dtype), outputs.device)
        return objectives.multimodal(outputs, shift[:, None, None], torch).mean(1)

    def metric(self, outputs: np.ndarray, targets: np.ndarray, loss: float) -> float:
        """Return the objective, which is the loss."""
        return loss


def build() -> ScalarKind:
    """Build the kind."""
    return Multimodal()
