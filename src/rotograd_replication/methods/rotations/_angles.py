"""The largest plane angle of rotations: every rotation turns m / 2 planes, each by an angle."""

import torch
from torch import Tensor


def of_tangents(tangents: Tensor) -> Tensor:
    """Compute that of `exp(A_k)`, A skew, in radians: the spectral norm of A_k `[K]`, beyond pi."""
    squares = torch.linalg.eigvalsh(tangents.mT @ tangents)
    return squares[:, -1].clamp_min(0).sqrt()


def of_rotations(rotations: Tensor) -> Tensor:
    """Compute that of R_k `[K, m, m]` in radians, at most pi: `[K]`.

    The eigenvalues of `(R_k + R_k^T) / 2` are the cosines of the plane angles.
    """
    exact = rotations.double()
    cosines = torch.linalg.eigvalsh((exact + exact.mT) / 2)
    return cosines[:, 0].clamp(-1, 1).acos().to(rotations.dtype)
