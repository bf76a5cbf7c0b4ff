"""The contract of a method: it sees task gradients and losses, never a network, loader or path.

Convention for sum or mean: the combined gradient has the scale of the SUM of task gradients. Given
K identical gradients g, every method returns K g, so one learning rate serves every row of a table.
A weighting published with weights that sum to 1 is multiplied by K (`mean: true`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Context:
    """What a method is built for: K tasks, D features, a generator of its own, what it wraps."""

    tasks: int
    features: int
    generator: torch.Generator
    inner: "Method | None" = None


@dataclass(frozen=True)
class Step:
    """One batch, detached: features `z [B, D]`, `losses [K]`, task gradients at z `[K, B, D]`."""

    z: Tensor
    losses: Tensor
    gradients: Tensor

    @cached_property
    def norms(self) -> Tensor:
        """Frobenius norms `||G_k||`: `[K]`."""
        return torch.linalg.vector_norm(self.gradients.flatten(1), dim=1)

    @cached_property
    def scales(self) -> Tensor:
        """`1 / ||G_k||`, zero where G_k is, to the type's smallest normal number: `[K]`."""
        counts = self.norms >= torch.finfo(self.norms.dtype).tiny
        return torch.where(counts, 1 / self.norms, torch.zeros_like(self.norms))


class Method(nn.Module):
    """The sum of task gradients; a method overrides what it does otherwise."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.tasks = context.tasks

    def view(self, z: Tensor) -> Tensor:
        """What each head sees of `z [B, D]`: `[K, B, D]`."""
        return z.expand(self.tasks, *z.shape)

    def step(self, z: Tensor, losses: Tensor, view_gradients: Tensor) -> Step:
        """What a batch came to: `G_k = R_k^T G~_k` for every task.

        Args:
            z: `[B, D]`, detached.
            losses: `[K]`, detached.
            view_gradients: `[K, B, D]`; its memory becomes that of the gradients at z, which are
                three copies of 7 million numbers a sample on NYUv2.
        """
        return Step(z, losses, view_gradients)

    def combine(self, step: Step) -> Tensor:
        """The gradient `[B, D]` that the shared parameters receive at z."""
        return step.gradients.sum(0)

    def learn(self, step: Step) -> None:
        """Leave gradients on the method's own parameters, if it has any."""

    def settle(self, step: int) -> None:
        """Take in what the optimisers did to the method's own parameters in step number `step`."""

    def groups(self, rotation: dict[str, Any]) -> list[tuple[list[nn.Parameter], dict[str, Any]]]:
        """The method's own parameters, each group with the settings of an optimiser of its own.

        Args:
            rotation: Settings of the experiment's optimiser of rotations (`schema.Optimizer`).
        """
        return []

    def defects(self) -> Tensor:
        """How far each task's own parameters are from what they must be: `[K]`, 0 for none."""
        return torch.zeros(self.tasks)

    def measures(self) -> dict[str, Tensor]:
        """What to record after an epoch, one number per task: column -> `[K]`.

        `{task}` in a column's name stands for the task's name.
        """
        return {}


def weighted_sum(weights: Tensor, gradients: Tensor) -> Tensor:
    """`sum_k w_k G_k` of `[K]` and `[K, B, D]`: `[B, D]`."""
    return torch.einsum("k,kbd->bd", weights, gradients)


def unit_sum(step: Step, m: int | None = None) -> Tensor:
    """`sum_k U_k`, `U_k = G_k / ||G_k||_F` (paper, section 3), at all or the first m features."""
    return weighted_sum(step.scales, step.gradients[..., :m])


# Numbers of each task gradient that are turned into float64 at a time: 8 MiB.
PART = 1 << 20


def gramian(gradients: Tensor) -> Tensor:
    """Inner products `<G_i, G_j>_F` of `[K, B, D]`: `[K, K]` in float64.

    In float32, gradients that are nearly opposite would look exactly opposite.
    """
    parts = (part.double() for part in gradients.flatten(1).split(PART, dim=1))
    return sum((part @ part.T for part in parts), start=gradients.new_zeros((), dtype=torch.double))
