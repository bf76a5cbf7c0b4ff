"""Dynamic trivialisation: every step moves along `R_k exp(A_k)` from where R_k is now.

Lezcano-Casado, NeurIPS 2019, https://arxiv.org/abs/1909.09501, re-based at every step. At A_k = 0
the gradient with respect to A_k is `M_k - M_k^T`, and the exponential of what an optimiser leaves
in A_k, a matrix of the size of its learning rate, is `I + A + A^2 / 2` to third order: two products
a step and no gradient through them. An optimiser's moments stay in the Lie algebra, so(m), which is
the same at every R_k.

Deviation: a `choice` of this project, not in the paper. A step is that of `exponential` to first
order at the start only. The static map contracts a step across a plane that has turned by theta by
`|sinc(theta / 2)|`; here nothing does, so that rotations keep moving where the static map's slow
down. The two train alike up to about 2 radians (`ALIKE`) and differ beyond.

`I + A + A^2 / 2` is orthogonal up to `A^4 / 4`. At every m/32-th step, and at every step of small
rotations, a Newton-Schulz step `R (3 I - R^T R) / 2` squares what has gathered of `R^T R - I`.
"""

import logging

import torch
from torch import Tensor, nn

from . import ALIKE, _angles
from ._start import draw

log = logging.getLogger(__name__)
# Numbers of rotations that are learned and moved at a time, if more than one rotation's: what an
# optimiser's dozen passes over them go through stays in a processor's cache.
PART = 1 << 19


class Dynamic(nn.Module):
    """Holds K rotations of R^m as a buffer, moved by parameters that are zero between steps.

    Args:
        tasks: K.
        start: `[K, m, m]`, or `[1, m, m]` where all rotations start at the same.
    """

    rotations: Tensor
    start: Tensor

    def __init__(self, tasks: int, start: Tensor) -> None:
        super().__init__()
        m = start.shape[-1]
        self.register_buffer("rotations", start.expand(tasks, m, m).clone())
        self.register_buffer("start", start)
        self.rows = max(1, PART // m**2)
        parts = self.rotations.split(self.rows)
        self.tangents = nn.ParameterList(torch.zeros_like(part) for part in parts)
        # Steps between two Newton-Schulz steps: so many that they cost a small part of the rest.
        self.period = max(1, m // 32)
        self.warned = False

    def forward(self) -> Tensor:
        """Return `R_k`: `[K, m, m]`."""
        return self.rotations

    def accumulate_gradients(self, rotations: Tensor, gradients: Tensor, target: Tensor) -> None:
        """Set `M_k - M_k^T`, the gradient of the lower triangle of a skew A_k and its mirror."""
        for tangent, part in zip(self.tangents, gradients.split(self.rows), strict=True):
            slopes = part.mT @ target
            tangent.grad = slopes - slopes.mT

    def largest_angles(self) -> Tensor:
        """Compute the largest plane angle of R_k from its start, in radians, at most pi: `[K]`."""
        angles = _angles.of_rotations(self.start.mT @ self.rotations)
        if (largest := float(angles.max())) > ALIKE and not self.warned:
            log.warning(
                "A rotation has turned by %.1f rad. Beyond %.1f, `dynamic` does not train like the "
                "paper's map, `exponential`.",
                largest,
                ALIKE,
            )
            self.warned = True
        return angles

    @torch.no_grad()
    def retract(self, step: int) -> None:
        """Multiply R_k by `exp(A_k)` and set A_k to 0."""
        parts = zip(self.rotations.split(self.rows), self.tangents, strict=True)
        for rotations, tangent in parts:
            first = rotations @ tangent
            rotations.add_(first).baddbmm_(first, tangent, alpha=0.5)
            if step % self.period == 0:
                gramian = rotations.mT @ rotations
                rotations.copy_(torch.baddbmm(rotations, rotations, gramian, beta=1.5, alpha=-0.5))
            tangent.zero_()


def build(tasks: int, m: int, start: str, generator: torch.Generator) -> nn.Module:
    """Build K rotations of R^m that start at the `identity` or at `random` (Haar) rotations."""
    return Dynamic(tasks, draw(tasks, m, start, generator))
