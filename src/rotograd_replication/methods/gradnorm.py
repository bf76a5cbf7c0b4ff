"""GradNorm (Chen et al., ICML 2018, https://arxiv.org/abs/1711.02257), at feature level.

Weights w_k = K softmax(v)_k learn to bring `w_k ||G_k||` to `mean_i(w_i ||G_i||) r_k^alpha`, where
r_k is the task's loss over its first loss, relative to the mean of those ratios (L1 distance,
target constant). Weights sum to K.
"""

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor, nn

from ._base import Context, Method, Step, weighted_sum


class GradNorm(Method):
    """Task weights as parameters."""

    def __init__(self, context: Context, alpha: float, learning_rate: float) -> None:
        super().__init__(context)
        self.alpha = alpha
        self.learning_rate = learning_rate
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

    def groups(self, learning_rate: float) -> list[dict[str, object]]:
        """The weights at their own learning rate."""
        return [{"params": [self.logits], "lr": self.learning_rate}]

    def measures(self) -> dict[str, Tensor]:
        """`w_k` of the last step."""
        return {"weight/{task}": self.weights().detach()}


def build(context: Context, *, alpha: NonNegativeFloat, learning_rate: PositiveFloat) -> Method:
    """GradNorm with asymmetry `alpha`."""
    return GradNorm(context, alpha, learning_rate)
