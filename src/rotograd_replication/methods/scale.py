"""Scale Only: all task gradients get the same magnitude C (paper, section 3, equations 1 and 2).

`alpha_k = (||G_k|| / ||G_k^0||) / sum_i (||G_i|| / ||G_i^0||)`, `C = sum_k alpha_k ||G_k||`; the
update is `C sum_k U_k`.
"""

import torch
from pydantic import NonNegativeInt
from torch import Tensor

from ._base import Context, Method, TaskGradients, unit_sum


class Scale(Method):
    """Applies equation 2, with `G_k^0` taken at step 0 and again at `reference_step`."""

    steps: Tensor
    reference: Tensor
    alpha: Tensor

    def __init__(self, context: Context, reference_step: int) -> None:
        super().__init__(context)
        self.reference_step = reference_step
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.register_buffer("reference", torch.ones(context.tasks))
        self.register_buffer("alpha", torch.full((context.tasks,), 1 / context.tasks))

    def combine(self, batch: TaskGradients) -> Tensor:
        """Compute `C sum_k U_k`: `[B, D]`."""
        norms = batch.norms
        retake = (self.steps == 0) | (self.steps == self.reference_step)
        self.reference = torch.where(retake, norms, self.reference.to(norms.dtype))
        self.steps += 1
        tiny = torch.finfo(norms.dtype).tiny
        convergence = norms / self.reference.clamp_min(tiny)
        # A task whose first gradient was zero has no reference: it counts as not yet moved.
        convergence = torch.where(self.reference > 0, convergence, (norms > 0).to(norms.dtype))
        self.alpha = convergence / convergence.sum().clamp_min(tiny)
        return (self.alpha * norms).sum() * unit_sum(batch)

    def logged(self) -> dict[str, Tensor]:
        """Log `alpha_k` of the last step."""
        return {"alpha/{task}": self.alpha}


def build(context: Context, *, reference_step: NonNegativeInt) -> Method:
    """Build Scale Only; `reference_step` 0 is Algorithm 1, 20 the official code."""
    return Scale(context, reference_step)
