"""Dynamic trivialisation: every step moves along `R_k exp(A_k)` from where R_k is now.

Lezcano-Casado, NeurIPS 2019, https://arxiv.org/abs/1909.09501, re-based at every step. At A_k = 0
the gradient with respect to A_k is `M_k - M_k^T`, and the exponential of what an optimiser leaves
in A_k, a matrix of the size of its learning rate, is `I + A + A^2 / 2` to third order: two products
a step and no gradient through them. An optimiser's moments stay in the Lie algebra, so(m), which is
the same at every R_k; under plain SGD the step is that of `exponential` to first order.

`I + A + A^2 / 2` is orthogonal up to `A^4 / 4`. At every m/32-th step, and at every step of small
rotations, a Newton-Schulz step `R (3 I - R^T R) / 2` squares what has gathered of `R^T R - I`.
"""

import torch
from torch import Tensor, nn

from ._start import draw

# Numbers that a temporary of the products holds at most, if more than one rotation's.
CHUNK = 1 << 22


class Dynamic(nn.Module):
    """K rotations of R^m as a buffer, moved by a parameter that is zero between steps.

    Args:
        start: `[K, m, m]`; where all are the same it is kept once, `[1, m, m]`.
    """

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        same = bool((start == start[:1]).all())
        self.register_buffer("rotations", start)
        self.register_buffer("start", (start[:1] if same else start).clone())
        self.tangent = nn.Parameter(torch.zeros_like(start))
        # Steps between two Newton-Schulz steps: so many that they cost a small part of the rest.
        self.period = max(1, start.shape[-1] // 32)

    def forward(self) -> Tensor:
        """`R_k`: `[K, m, m]`."""
        return self.rotations

    def learn(self, rotations: Tensor, slopes: Tensor) -> None:
        """`M_k - M_k^T`, the gradient of the lower triangle of a skew A_k and its mirror image."""
        self.tangent.grad = slopes - slopes.mT

    @torch.no_grad()
    def settle(self, step: int) -> None:
        """Take `exp(A_k)` into R_k and begin again at A_k = 0."""
        rows = max(1, CHUNK // self.tangent[0].numel())
        parts = zip(self.rotations.split(rows), self.tangent.split(rows), strict=True)
        for rotations, tangent in parts:
            first = rotations @ tangent
            rotations.add_(torch.baddbmm(first, first, tangent, alpha=0.5))
            if step % self.period == 0:
                gramian = rotations.mT @ rotations
                rotations.copy_(torch.baddbmm(rotations, rotations, gramian, beta=1.5, alpha=-0.5))
        self.tangent.zero_()


def build(tasks: int, m: int, start: str, generator: torch.Generator) -> nn.Module:
    """K rotations of R^m that start at the `identity` or at `random` (Haar) rotations."""
    return Dynamic(draw(tasks, m, start, generator))
