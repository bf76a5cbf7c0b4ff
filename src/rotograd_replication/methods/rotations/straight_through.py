"""The exponential map with a straight-through gradient: `R_k = R_k^0 exp(A_k)`, A_k skew.

The value is that of `exponential`; `M_k - M_k^T`, the gradient at A_k = 0, is taken for A_k's
wherever A_k is (a straight-through estimator, https://arxiv.org/abs/1308.3432), so that no
gradient passes through the exponential. Equal to `exponential` to first order in A_k only.

Deviation: a `choice` of this project, not in the paper. It costs less (`paper_tables/cost.md`).
"""

import torch
from torch import Tensor, nn

from . import _angles
from ._expm import expm
from ._start import draw


class StraightThrough(nn.Module):
    """Holds K rotations of R^m.

    Args:
        tasks: K.
        start: `[K, m, m]`, or `[1, m, m]` where all rotations start at the same.
    """

    start: Tensor

    def __init__(self, tasks: int, start: Tensor) -> None:
        super().__init__()
        self.register_buffer("start", start)
        self.tangents = nn.Parameter(start.new_zeros(tasks, *start.shape[1:]))

    @torch.no_grad()
    def forward(self) -> Tensor:
        """Compute `R_k`: `[K, m, m]`."""
        return self.start @ expm(self.tangents)

    def accumulate_gradients(self, rotations: Tensor, gradients: Tensor, target: Tensor) -> None:
        """Set `M_k - M_k^T`, as if A_k were 0."""
        slopes = gradients.mT @ target
        self.tangents.grad = slopes - slopes.mT

    def largest_angles(self) -> Tensor:
        """Compute the largest plane angle of `exp(A_k)`, in radians, beyond pi: `[K]`."""
        return _angles.of_tangents(self.tangents)

    def retract(self, step: int) -> None:
        """Do nothing: R_k follows from the parameters."""


def build(tasks: int, m: int, start: str, generator: torch.Generator) -> nn.Module:
    """Build K rotations of R^m that start at the `identity` or at `random` (Haar) rotations."""
    return StraightThrough(tasks, draw(tasks, m, start, generator))
