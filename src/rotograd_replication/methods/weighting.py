"""Methods that are K weights from the K x K Gramian of task gradients, by TorchJD.

PCGrad (https://arxiv.org/abs/2001.06782), MGDA(-UB) (https://arxiv.org/abs/1810.04650), and
TorchJD's others for one line of configuration: https://torchjd.org. Their inputs are gradients at
the shared features, so MGDA is MGDA-UB.
"""

from typing import Literal

import torch
import torchjd.aggregation
from pydantic import NonNegativeFloat
from torch import Tensor

from ._base import Context, Method, TaskGradients, gramian, weighted_sum


class Weighting(Method):
    """Computes `sum_k w_k G_k` with `w` from a TorchJD aggregator's weighting."""

    def __init__(self, context: Context, aggregator: str, mean: bool, arguments: dict) -> None:
        super().__init__(context)
        self.factor = context.tasks if mean else 1
        self.generator = context.generator
        self.aggregator = getattr(torchjd.aggregation, aggregator)(**arguments)

    def weights(self, products: Tensor) -> Tensor:
        """Compute the weights `[K]` of a float64 Gramian `[K, K]`, divided by its largest entry.

        Deviation: TorchJD draws from the global generator; here a seed from the method's own
        generator is set for the call, and the global state is left as it was.
        """
        scale = products.diagonal().max()
        safe = torch.where(scale > 0, scale, torch.ones_like(scale))
        relative = (products / safe).cpu()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**62, (), generator=self.generator)))
            weights = self.aggregator.gramian_weighting(relative)
        return (self.factor * weights).nan_to_num(0.0).to(products)

    def combine(self, batch: TaskGradients) -> Tensor:
        """Compute `sum_k w_k G_k`: `[B, D]`."""
        weights = self.weights(gramian(batch.gradients))
        return weighted_sum(weights.to(batch.gradients), batch.gradients)


def build(
    context: Context,
    *,
    aggregator: Literal["PCGrad", "MGDA", "AlignedMTL", "CAGrad", "UPGrad"],
    mean: bool,
    c: NonNegativeFloat | None = None,
) -> Method:
    """Build a TorchJD aggregator by its class name.

    Args:
        context: What the method is built for.
        aggregator: The class in `torchjd.aggregation`.
        mean: Whether the published weights sum to 1; they are then multiplied by K.
        c: CAGrad's radius.
    """
    return Weighting(context, aggregator, mean, {} if c is None else {"c": c})
