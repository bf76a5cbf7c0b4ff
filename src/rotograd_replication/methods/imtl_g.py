"""IMTL-G (Liu et al., ICLR 2021, https://openreview.net/forum?id=IMPnRXEWpvr), in closed form.

The update `sum_k w_k G_k` has the same projection on every unit gradient U_k. With `w_k = a_k /
||G_k||` that is `C a = 1`, where C holds the cosines of the task gradients.

Deviation: TorchJD solves the same system for w, with the Gramian in place of C. Its pseudo-inverse
then drops a task whose gradient is 10^7 times smaller than the largest; C does not depend on norms.
"""

import torch
from torch import Tensor

from ._base import Context, Method, Step, gramian, weighted_sum


class IMTLG(Method):
    """Equal projections on all unit gradients; the weights have a mean of 1."""

    def weights(self, step: Step) -> Tensor:
        """`w [K]`, float64; 0 for a task whose gradient is 0, and for all if C has no solution."""
        products = gramian(step.gradients)
        norms = products.diagonal().sqrt()
        inverse = torch.where(norms > 0, 1 / norms, torch.zeros_like(norms))
        cosines = inverse[:, None] * products * inverse
        a = torch.linalg.pinv(cosines, hermitian=True).sum(1)
        # Relative to the smallest gradient, so that no weight overflows.
        weights = a * inverse / inverse.max().clamp_min(torch.finfo(torch.double).tiny)
        total = weights.sum()
        solved = total.abs() > 1e-12 * weights.abs().sum()
        return torch.where(solved, self.tasks * weights / total, torch.zeros_like(weights))

    def combine(self, step: Step) -> Tensor:
        """`sum_k w_k G_k`: `[B, D]`."""
        return weighted_sum(self.weights(step).to(step.gradients.dtype), step.gradients)


def build(context: Context) -> Method:
    """IMTL-G, whose published weights sum to 1, times K: the scale of the sum of gradients."""
    return IMTLG(context)
