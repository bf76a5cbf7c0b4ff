"""GradDrop (Chen et al., NeurIPS 2020, https://arxiv.org/abs/2010.06808, Algorithm 1).

At the shared features, `sign(z) G_k` is summed over the batch to one number per task and feature;
each feature keeps the positive or the negative task gradients with a probability that follows the
sign purity `P = (1 + sum_k g_k / sum_k |g_k|) / 2`. With K identical gradients nothing conflicts
and the sum is returned.
"""

import torch
from torch import Tensor

from ..runtime.device import send
from ._base import Context, Method, TaskGradients

# Features that are processed at a time, where a temporary of all would be large.
SLICE = 1 << 18


class GradDrop(Method):
    """Masks task gradients by their sign, at random, with the method's own generator."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.generator = context.generator

    def combine(self, batch: TaskGradients) -> Tensor:
        """Compute `sum_k mask_k G_k`: `[B, D]`."""
        parts = zip(batch.z.split(SLICE, dim=1), batch.gradients.split(SLICE, dim=2), strict=True)
        marginal = torch.cat([(z.sign() * part).sum(1) for z, part in parts], dim=1)  # [K, D]
        total = marginal.abs().sum(0)
        safe = torch.where(total > 0, total, torch.ones_like(total))
        purity = 0.5 * (1 + marginal.sum(0) / safe)
        uniform = torch.rand(purity.shape, generator=self.generator, dtype=purity.dtype)
        keep_positive = purity > send(uniform, purity.device)
        mask = torch.where(keep_positive, marginal >= 0, marginal <= 0)
        return torch.einsum("kd,kbd->bd", mask.to(batch.gradients.dtype), batch.gradients)


def build(context: Context) -> Method:
    """Build GradDrop without leakage."""
    return GradDrop(context)
