"""When a training has come to nothing: a loss or metric is not finite, or a rotation is none.

Looked at every `EVERY` batches and at the end of each epoch: the sum of the losses, which stays on
the device, is not finite from the first loss on that is not, so that no batch waits for the check.
"""

import math

from torch import Tensor

from ..methods._base import Method

# Batches of an epoch between two looks at the losses.
EVERY = 100
# An entry of |R^T R - I| in float32 is below 1e-3 even for 1536 features.
LIMIT = 0.05


class Diverged(Exception):
    """The training has come to nothing.

    Attributes:
        what: the evidence in words.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def check_losses(losses: Tensor, names: list[str]) -> None:
    """Raise if a sum of losses `[K]` is not finite.

    Raises:
        Diverged: names the task.
    """
    for name, loss in zip(names, losses.tolist(), strict=True):
        if not math.isfinite(loss):
            raise Diverged(f"the loss of `{name}` is {loss}")


def check_method(method: Method, names: list[str]) -> None:
    """Raise if a task's rotation is not one.

    Raises:
        Diverged: names the task.
    """
    for name, defect in zip(names, method.defects().tolist(), strict=True):
        if not defect <= LIMIT:
            raise Diverged(f"|R^T R - I| of `{name}` is {defect}")
