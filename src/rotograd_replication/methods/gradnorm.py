"""GradNorm (Chen et al., ICML 2018, https://arxiv.org/abs/1711.02257), at feature level.

Weights w_k = K softmax(v)_k learn to bring `w_k ||G_k||` to `mean_i(w_i ||G_i||) r_k^alpha`, where
r_k is the task's loss over its first loss, relative to the mean of those ratios (L1 distance,
target constant). They have an optimiser of their own, with its rate and decay.

Deviations: the softmax is of the authors' later code (adrianjav/impartial-vaes), where the paper
rescales free weights to the sum K after every step; first losses are those of the first step,
where that code takes the twentieth's; and heads train on their task's own loss, without w_k.
"""

from typing import Literal

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor, nn

from ..config.run_settings import OptimizerSettings
from ..config.schema import Factor
from ._base import Context, Method, ParamGroups, TaskGradients, weighted_sum


class GradNorm(Method):
    """Learns the task weights as parameters."""

    steps: Tensor
    first_losses: Tensor

    def __init__(self, context: Context, alpha: float, optimizer: OptimizerSettings) -> None:
        super().__init__(context)
        self.alpha = alpha
        self.optimizer = optimizer
        self.logits = nn.Parameter(torch.zeros(context.tasks))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.register_buffer("first_losses", torch.ones(context.tasks))

    def weights(self) -> Tensor:
        """Compute `w_k = K softmax(v)_k`: `[K]`."""
        return self.tasks * torch.softmax(self.logits, 0)

    def combine(self, batch: TaskGradients) -> Tensor:
        """Compute `sum_k w_k G_k`: `[B, D]`."""
        weights = self.weights().detach().to(batch.gradients.dtype)
        return weighted_sum(weights, batch.gradients)

    def accumulate_own_gradients(self, batch: TaskGradients) -> None:
        """Set the gradient of `sum_k | w_k ||G_k|| - target_k |` with respect to v."""
        self.first_losses = torch.where(self.steps == 0, batch.losses, self.first_losses)
        self.steps += 1
        ratios = batch.losses / self.first_losses
        relative = (ratios / ratios.mean()).clamp_min(0) ** self.alpha
        weighted = self.weights() * batch.norms
        target = weighted.detach().mean() * relative
        (weighted - target).abs().sum().backward()

    def param_groups(self, rotation: OptimizerSettings) -> ParamGroups:
        """Give the weights their own optimiser."""
        return [([self.logits], self.optimizer)]

    def logged(self) -> dict[str, Tensor]:
        """Log `w_k` of the last step."""
        return {"weight/{task}": self.weights().detach()}


def build(
    context: Context,
    *,
    alpha: NonNegativeFloat,
    optimizer: Literal["radam", "adam", "sgd"],
    learning_rate: PositiveFloat,
    decay: Factor,
) -> Method:
    """Build GradNorm.

    Args:
        context: What the method is built for.
        alpha: How strongly slower tasks are favoured (the paper's asymmetry).
        optimizer: The optimiser of the weights.
        learning_rate: The learning rate of the weights.
        decay: The factor of that rate after every step.
    """
    own: OptimizerSettings = {"name": optimizer, "learning_rate": learning_rate, "decay": decay}
    return GradNorm(context, alpha, own)
