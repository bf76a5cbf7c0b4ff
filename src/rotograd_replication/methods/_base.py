"""The contract of a method: it sees task gradients and losses, never a network, loader or path.

Convention for sum or mean: the combined gradient has the scale of the SUM of task gradients. Given
K identical gradients g, every method returns K g, so one learning rate serves every row of a table.
A weighting published with weights that sum to 1 is multiplied by K (`mean: true`).
"""

from dataclasses import dataclass

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
    """One batch, detached: features `z [B, D]`, `losses [K]`, and each task's gradient.

    `view_gradients` are taken at each task's own view of z (the paper's G~_k), `gradients` at z
    itself (G_k); both `[K, B, D]`.
    """

    z: Tensor
    losses: Tensor
    view_gradients: Tensor
    gradients: Tensor


class Method(nn.Module):
    """The sum of task gradients; a method overrides what it does otherwise."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.tasks = context.tasks

    def view(self, z: Tensor) -> Tensor:
        """What each head sees of `z [B, D]`: `[K, B, D]`."""
        return z.expand(self.tasks, *z.shape)

    def pull_back(self, view_gradients: Tensor) -> Tensor:
        """Gradients at the views, `[K, B, D]`, as gradients at z: `G_k = R_k^T G~_k`."""
        return view_gradients

    def combine(self, step: Step) -> Tensor:
        """The gradient `[B, D]` that the shared parameters receive at z."""
        return step.gradients.sum(0)

    def learn(self, step: Step) -> None:
        """Leave gradients on the method's own parameters, if it has any."""

    def groups(self, learning_rate: float) -> list[dict[str, object]]:
        """Optimiser groups of the method's own parameters; `learning_rate` is the rotations'."""
        return []

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
    length = norms(gradients)
    safe = torch.where(length > 0, length, torch.ones_like(length))
    return gradients / safe[:, None, None]


def gramian(gradients: Tensor) -> Tensor:
    """Inner products `<G_i, G_j>_F` of `[K, B, D]`: `[K, K]`."""
    flat = gradients.flatten(1)
    return flat @ flat.T
