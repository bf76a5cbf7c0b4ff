"""IMTL-G (Liu et al., ICLR 2021, https://openreview.net/forum?id=IMPnRXEWpvr), in closed form.

The update `sum_k w_k G_k` has the same projection on every unit gradient U_k. With `w_k = a_k /
||G_k||` that is `C a = 1`, where C holds the cosines of the task gradients.

Deviation: TorchJD solves the same system for w, with the Gramian in place of C. Its pseudo-inverse
then drops a task whose gradient is 10^7 times smaller than the largest; C does not depend on norms.
"""

import torch
from torch import Tensor

from ._base import Context, Method, TaskGradients, gramian, weighted_sum


class IMTLG(Method):
    """Weights gradients so that all unit gradients get equal projections; weights average 1."""

    def weights(self, batch: TaskGradients) -> Tensor:
        """Compute `w [K]` in float64: 0 where G_k is 0, and all 0 if C has no solution."""
        products = gramian(batch.gradients)
        norms = products.diagonal().sqrt()
        inverse = torch.where(norms > 0, 1 / norms, torch.zeros_like(norms))
        cosines = inverse[:, None] * products * inverse
        finite = cosines.isfinite().all()  # else `pinv` fails, where a run is to diverge
        a = torch.linalg.pinv(torch.where(finite, cosines, 0), hermitian=True).sum(1)
        a = torch.where(finite, a, torch.nan)
        # Relative to the smallest gradient, so that no weight overflows.
        weights = a * inverse / inverse.max().clamp_min(torch.finfo(torch.double).tiny)
        total = weights.sum()
        solved = total.abs() > 1e-12 * weights.abs().sum()
        return torch.where(solved, self.tasks * weights / total, torch.zeros_like(weights))

    def combine(self, batch: TaskGradients) -> Tensor:
        """Compute `sum_k w_k G_k`: `[B, D]`."""
        return weighted_sum(self.weights(batch).to(batch.gradients.dtype), batch.gradients)


def build(context: Context) -> Method:
    """Build IMTL-G. Its published weights sum to 1; times K they have the scale of the sum."""
    return IMTLG(context)
