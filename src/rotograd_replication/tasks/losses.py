"""The loss of every kind of task whose targets are single numbers: one mean per task.

Each maps outputs `[K, B, outputs]` of K tasks of the kind, targets `[B, K]` and the tasks' shifts
`[K]` to `[K]`. Kinds whose targets are maps are in `dense_losses`.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from . import objectives


def classification(outputs: Tensor, targets: Tensor, shifts: Tensor) -> Tensor:
    """Negative log-likelihood of the target's class."""
    return F.cross_entropy(outputs.permute(0, 2, 1), targets.T.long(), reduction="none").mean(1)


def binary(outputs: Tensor, targets: Tensor, shifts: Tensor) -> Tensor:
    """Binary cross-entropy on logits."""
    each = F.binary_cross_entropy_with_logits(outputs[..., 0], targets.T, reduction="none")
    return each.mean(1)


def regression(outputs: Tensor, targets: Tensor, shifts: Tensor) -> Tensor:
    """Squared error."""
    return ((outputs[..., 0] - targets.T) ** 2).mean(1)


def multimodal(outputs: Tensor, targets: Tensor, shifts: Tensor) -> Tensor:
    """The toy's objective with several optima."""
    return objectives.multimodal(outputs, shifts[:, None, None], torch).mean(1)


def avocado(outputs: Tensor, targets: Tensor, shifts: Tensor) -> Tensor:
    """The toy's convex objective."""
    return objectives.avocado(outputs, shifts[:, None, None], torch).mean(1)


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "classification": classification,
    "binary": binary,
    "regression": regression,
    "multimodal": multimodal,
    "avocado": avocado,
}
