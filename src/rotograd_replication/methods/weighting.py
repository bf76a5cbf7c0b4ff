"""Methods that are K weights from the K x K Gramian of task gradients, by TorchJD.

PCGrad (https://arxiv.org/abs/2001.06782), MGDA(-UB) (https://arxiv.org/abs/1810.04650), and
TorchJD's others for one line of configuration: https://torchjd.org. Their inputs are gradients at
the shared features, so MGDA is MGDA-UB.

MGDA's weights are TorchJD's at its defaults: Frank-Wolfe from equal weights, at most 100 steps, to
steps below 1e-3. Deviation: Sener and Koltun start at the best pair and stop at 1e-5 or 250 steps,
and on CelebA they normalise gradients. Where norms differ a hundredfold, TorchJD may stop early.

TorchJD computes weights on the host, which waits for a GPU at every step. PCGrad's are computed
here, for all tasks at once and on the device, with the random orders that TorchJD would draw.
"""

from typing import Literal

import torch
import torchjd.aggregation
from pydantic import NonNegativeFloat
from torch import Tensor

from ..runtime.device import send
from ._base import Context, Method, TaskGradients, gramian, weighted_sum


def pcgrad_weights(products: Tensor) -> Tensor:
    """Compute PCGrad's weights from a Gramian, without waiting for its device: `[K, K]` -> `[K]`.

    Row i starts as gradient i alone. In a random order of the other gradients j, its part along
    each that it conflicts with is taken away.
    """
    tasks = len(products)
    orders = torch.stack([torch.randperm(tasks) for _ in range(tasks)], dim=1)
    identity = torch.eye(tasks, dtype=products.dtype, device=products.device)
    rows = identity
    for j in send(orders, products.device):
        others, along = identity[j], products[j]
        inner = (along * rows).sum(1)
        conflicts = (inner < 0) & (others * identity).sum(1).eq(0)
        parts = torch.where(conflicts, inner / (along * others).sum(1), torch.zeros_like(inner))
        rows = rows - parts[:, None] * others
    return rows.sum(0)


class Weighting(Method):
    """Computes `sum_k w_k G_k` with the weights of a TorchJD aggregator."""

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
        relative = products / torch.where(scale > 0, scale, torch.ones_like(scale))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**62, (), generator=self.generator)))
            if isinstance(self.aggregator, torchjd.aggregation.PCGrad):
                weights = pcgrad_weights(relative)
            else:
                host = relative.cpu()
                finite = bool(host.isfinite().all())  # some aggregators fail where it is not
                weights = (
                    self.aggregator.gramian_weighting(host) if finite else host.new_zeros(len(host))
                )
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
