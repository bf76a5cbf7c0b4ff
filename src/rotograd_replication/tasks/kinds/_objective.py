"""A toy's objective as loss and metric. Outputs are points of the plane; targets are not used."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...runtime.device import send
from ._scalar import ScalarKind


class Objective(ScalarKind):
    """Takes one of `tasks/objectives.py`."""

    def __init__(self, objective: Any) -> None:
        self.objective = objective

    def losses(self, outputs: Tensor, targets: Tensor, shifts: list[float]) -> Tensor:
        """Compute the mean objective, moved by the task's shift."""
        shift = send(torch.tensor(shifts, dtype=outputs.dtype), outputs.device)
        return self.objective(outputs, shift[:, None, None], torch).mean(1)

    def metric(self, outputs: np.ndarray, targets: np.ndarray, loss: float) -> float:
        """Return the objective, which is the loss."""
        return loss
