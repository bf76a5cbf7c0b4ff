"""The paper's parametrisation: the exponential map on so(m), by geotorch (paper, section 3.4).

`R_k = R_k^0 exp(A_k - A_k^T)` with A_k lower triangular, unconstrained and zero at the start:
O(K m^2) memory and O(K m^3) time, independent of the batch size. Lezcano-Casado and
Martinez-Rubio, ICML 2019, https://arxiv.org/abs/1901.08428. The map is geotorch's; the exponential
that it is given takes all K matrices at once (see `_expm`).

The derivative of the exponential contracts a step across a plane that has turned by theta by
`|sinc(theta / 2)|`, so rotations slow down as they turn: an implicit decay of the learning rate
that is part of the paper's method.
"""

from typing import Any

import geotorch
import torch
from torch import Tensor, nn

from . import _angles
from ._expm import expm
from ._start import draw, one_thread


class Exponential(nn.Module):
    """Holds K rotations of R^m as one parametrised tensor."""

    parametrizations: Any  # geotorch adds them

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        # geotorch writes a sample of its own over the weight it is given, in place.
        self.weight = nn.Parameter(start.clone())
        with torch.random.fork_rng(devices=[]), one_thread():
            geotorch.orthogonal(self, "weight", triv=expm)
        self.start.copy_(start)
        nn.init.zeros_(self.parametrizations.weight.original)

    @property
    def start(self) -> Tensor:
        """Return `R_k^0`: `[K, m, m]`."""
        return self.parametrizations.weight[0].base

    def forward(self) -> Tensor:
        """Compute `R_k`: `[K, m, m]`, differentiable."""
        return self.weight

    def accumulate_gradients(self, rotations: Tensor, gradients: Tensor, target: Tensor) -> None:
        """Backpropagate `dL / dR_k = R_k M_k` through the exponential map."""
        rotations.backward(rotations.detach() @ (gradients.mT @ target))

    def largest_angles(self) -> Tensor:
        """Compute the largest plane angle of `exp(A_k - A_k^T)`, in radians, beyond pi: `[K]`."""
        lower = self.parametrizations.weight.original.tril(-1)
        return _angles.of_tangents(lower - lower.mT)

    def retract(self, step: int) -> None:
        """Do nothing: R_k follows from the parameters."""


def build(tasks: int, m: int, start: str, generator: torch.Generator) -> nn.Module:
    """Build K rotations of R^m that start at the `identity` or at `random` (Haar) rotations."""
    return Exponential(draw(tasks, m, start, generator).expand(tasks, m, m))
