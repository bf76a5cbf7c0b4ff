"""The contract of a method: it sees task gradients and losses, never a network, loader or path.

Convention for sum or mean: the combined gradient has the scale of the SUM of task gradients. Given
K identical gradients g, every method returns K g, so one learning rate serves every row of a table.
A weighting published with weights that sum to 1 is multiplied by K (`mean: true`).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

# Features that are worked on at a time where a temporary of all would be large.
SLICE = 1 << 18


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

    def groups(self, learning_rate: float) -> list[dict[str, object]]:
        """Optimiser groups of the method's own parameters; `learning_rate` is the rotations'."""
        return []

    def defects(self) -> Tensor:
        """How far each task's own parameters are from what they must be: `[K]`, 0 for none."""
        return torch.zeros(self.tasks)

    def measures(self) -> dict[str, Tensor]:
        """What to record after an epoch, one number per task: column -> `[K]`.

        `{task}` in a column's name stands for the task's name.
        """
        return {}


def norms(gradients: Tensor) -> Tensor:
    """Frobenius norms `||G_k||` of `[K, B, D]`: `[K]`."""
    return torch.linalg.vector_norm(gradients.flatten(1), dim=1)


def unit(gradients: Tensor) -> Tensor:
    """`U_k = G_k / ||G_k||_F`, zero where G_k is (paper, section 3): `[K, B, D]`."""
    return gradients / _divisors(gradients)


def _divisors(gradients: Tensor) -> Tensor:
    """`||G_k||_F`, 1 where it is 0: `[K, 1, 1]`."""
    length = norms(gradients)
    return torch.where(length > 0, length, torch.ones_like(length))[:, None, None]


def unit_sum(gradients: Tensor) -> Tensor:
    """`sum_k U_k` of `[K, B, D]`: `[B, D]`, without a second `[K, B, D]` where D is large."""
    divisors = _divisors(gradients)
    return torch.cat([(part / divisors).sum(0) for part in gradients.split(SLICE, dim=2)], dim=1)


def unit_mean(gradients: Tensor, m: int) -> Tensor:
    """The first m features of `1/K sum_k U_k`: `[B, m]`."""
    first = gradients[..., : max(m, SLICE)]
    return (first / _divisors(gradients)).mean(0)[:, :m]


def gramian(gradients: Tensor) -> Tensor:
    """Inner products `<G_i, G_j>_F` of `[K, B, D]`: `[K, K]`."""
    flat = gradients.flatten(1)
    return flat @ flat.T
