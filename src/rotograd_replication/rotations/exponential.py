"""The paper's parametrisation: the exponential map on so(m), by geotorch (paper, section 3.4).

`R_k = R_k^0 exp(A_k - A_k^T)` with A_k unconstrained and zero at the start: O(K m^2) memory and
O(K m^3) time, independent of the batch size. Lezcano-Casado and Martinez-Rubio, ICML 2019,
https://arxiv.org/abs/1901.08428.

Deviation: geotorch turns reflections of its Haar sample into rotations by the sign of torch's
determinant, which torch 2.13 on a CPU gives as 0 for float32 matrices of 512 x 512 (MKL complains
of SLASWP); here the signs are NumPy's, in float64.
"""

import geotorch
import numpy as np
import torch
from torch import Tensor, nn


class Exponential(nn.Module):
    """K rotations of R^m as one parametrised tensor."""

    def __init__(self, tasks: int, m: int, start: str, generator: torch.Generator) -> None:
        super().__init__()
        identity = torch.eye(m).repeat(tasks, 1, 1)
        # geotorch writes a Haar sample from the global generator over the weight it is given, in
        # place: a clone, lest the sample be written over the identity that is assigned below.
        self.weight = nn.Parameter(identity.clone())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
            geotorch.orthogonal(self, "weight", triv="expm")
        if start == "identity":
            self.weight = identity
        else:
            sign, _ = np.linalg.slogdet(self.start.double().numpy())
            self.start[sign < 0, :, 0] *= -1

    @property
    def start(self) -> Tensor:
        """`R_k^0`: `[K, m, m]`."""
        return self.parametrizations.weight[0].base

    def forward(self) -> Tensor:
        """`R_k`: `[K, m, m]`, differentiable."""
        return self.weight


def build(tasks: int, m: int, start: str, generator: torch.Generator) -> nn.Module:
    """K rotations of R^m that start at the `identity` or at `random` (Haar) rotations."""
    return Exponential(tasks, m, start, generator)
