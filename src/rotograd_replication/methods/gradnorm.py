"""GradNorm (Chen et al., ICML 2018, https://arxiv.org/abs/1711.02257), at feature level.

Weights w_k = K softmax(v)_k learn to bring `w_k ||G_k||` to `mean_i(w_i ||G_i||) r_k^alpha`, where
r_k is the task's loss over its first loss, relative to the mean of those ratios (L1 distance,
target constant). Weights sum to K and have an optimiser of their own, with its rate and decay.
"""

from typing import Any, Literal

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor, nn

from ..config.schema import Factor
from ._base import Context, Method, Step, weighted_sum


class GradNorm(Method):
    """Task weights as parameters."""

    def __init__(self, context: Context, alpha: float, optimizer: dict[str, Any]) -> None:
        super().__init__(context)
        self.alpha = alpha
        self.optimizer = optimizer
        self.logits = nn.Parameter(torch.zeros(context.tasks))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.register_buffer("first_losses", torch.ones(context.tasks))

    def weights(self) -> Tensor:
        """`w_k = K softmax(v)_k`: `[K]`."""
        return self.tasks * torch.softmax(self.logits, 0)

    def combine(self, step: Step) -> Tensor:
        """`sum_k w_k G_k`: `[B, D]`."""
        weights = self.weights().detach().to(step.gradients.dtype)
        return weighted_sum(weights, step.gradients)

    def learn(self, step: Step) -> None:
        """Gradient of `sum_k | w_k ||G_k|| - target_k |` with respect to v."""
        self.first_losses = torch.where(self.steps == 0, step.losses, self.first_losses)
        self.steps += 1
        ratios = step.losses / self.first_losses
        relative = (ratios / ratios.mean()).clamp_min(0) ** self.alpha
        weighted = self.weights() * step.norms
        target = weighted.detach().mean() * relative
        (weighted - target).abs().sum().backward()

    def groups(self, rotation: dict[str, Any]) -> list[tuple[list[nn.Parameter], dict[str, Any]]]:
        """The weights, with their own optimiser."""
        return [([self.logits], self.optimizer)]

    def measures(self) -> dict[str, Tensor]:
        """`w_k` of the last step."""
        return {"weight/{task}": self.weights().detach()}


def build(
    context: Context,
    *,
    alpha: NonNegativeFloat,
    optimizer: Literal["radam", "adam", "sgd"],
    learning_rate: PositiveFloat,
    decay: Factor,
) -> Method:
    """GradNorm.

    Args:
        context: What the method is built for.
        alpha: The asymmetry, how strongly slower tasks are favoured.
        optimizer: Of the weights.
        learning_rate: Of the weights.
        decay: What their learning rate is multiplied by after every step.
    """
    own = {"name": optimizer, "learning_rate": learning_rate, "decay": decay}
    return GradNorm(context, alpha, own)
