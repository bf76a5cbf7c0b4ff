"""When a training has diverged: a loss or metric is not finite, or a rotation is not orthogonal.

Checked every `EVERY` batches and at the end of each epoch. The sum of the losses stays on the
device and is not finite from the first loss on that is not, so no batch waits for the check.
"""

import math

from torch import Tensor

from ..methods._base import Method

# Batches of an epoch between two checks of the losses.
EVERY = 100
# An entry of |R^T R - I| in float32 is below 1e-3 even for 1536 features.
LIMIT = 0.05


class Diverged(Exception):
    """The training has diverged.

    Attributes:
        what: The evidence in words.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def check_losses(losses: Tensor, names: list[str]) -> None:
    """Check that a sum of losses `[K]` is finite.

    Raises:
        Diverged: It is not; names the task.
    """
    for name, loss in zip(names, losses.tolist(), strict=True):
        if not math.isfinite(loss):
            raise Diverged(f"the loss of `{name}` is {loss}")


def check_method(method: Method, names: list[str]) -> None:
    """Check that every task's rotation is orthogonal.

    Raises:
        Diverged: One is not; names the task.
    """
    for name, error in zip(names, method.orthogonality_errors().tolist(), strict=True):
        if not error <= LIMIT:
            raise Diverged(f"|R^T R - I| of `{name}` is {error}")
