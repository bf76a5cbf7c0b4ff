"""The contract of a method: it sees task gradients and losses, never a network, loader or path.

Convention for sum or mean: the combined gradient has the scale of the SUM of task gradients. Given
K identical gradients g, every method returns K g, so one learning rate serves every row of a table.
A weighting published with weights that sum to 1 is multiplied by K (`mean: true`).
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from ..config.run_settings import OptimizerSettings

ParamGroups = list[tuple[list[nn.Parameter], OptimizerSettings]]


@dataclass(frozen=True)
class Context:
    """What a method is built for: K tasks, D features, a generator of its own, what it wraps."""

    tasks: int
    features: int
    generator: torch.Generator
    inner: "Method | None" = None


@dataclass(frozen=True)
class TaskGradients:
    """One batch, detached: features `z [B, D]`, `losses [K]`, task gradients at z `[K, B, D]`."""

    z: Tensor
    losses: Tensor
    gradients: Tensor

    @cached_property
    def norms(self) -> Tensor:
        """Frobenius norms `||G_k||`: `[K]`."""
        return torch.linalg.vector_norm(self.gradients.flatten(1), dim=1)

    @cached_property
    def inverse_norms(self) -> Tensor:
        """`1 / ||G_k||`, or 0 where the norm is below the type's smallest normal number: `[K]`."""
        nonzero = self.norms >= torch.finfo(self.norms.dtype).tiny
        return torch.where(nonzero, 1 / self.norms, torch.zeros_like(self.norms))


class Method(nn.Module):
    """Sums the task gradients; a subclass overrides what it does differently.

    `training.step` calls the methods of this class in their order here.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.tasks = context.tasks

    def task_features(self, z: Tensor) -> Tensor:
        """Map `z [B, D]` to what each head sees of it: `[K, B, D]`."""
        return z.expand(self.tasks, *z.shape)

    def pull_back(self, z: Tensor, losses: Tensor, head_gradients: Tensor) -> TaskGradients:
        """Bring the gradients at the task features back to z: `G_k = R_k^T G~_k`.

        Args:
            z: `[B, D]`, detached.
            losses: `[K]`, detached.
            head_gradients: `G~_k`, the gradient of each loss at its task features, `[K, B, D]`.
                Its memory may be overwritten: on NYUv2 a copy is three times 7 million numbers a
                sample.
        """
        return TaskGradients(z, losses, head_gradients)

    def combine(self, batch: TaskGradients) -> Tensor:
        """Compute the gradient `[B, D]` that the shared parameters receive at z."""
        return batch.gradients.sum(0)

    def accumulate_own_gradients(self, batch: TaskGradients) -> None:
        """Set the gradients of the method's own parameters, if it has any."""

    def after_optimizer_step(self, step: int) -> None:
        """Update the method after the optimisers moved its own parameters in step number `step`."""

    def param_groups(self, rotation: OptimizerSettings) -> ParamGroups:
        """List the method's own parameters, each group with the settings of its own optimiser.

        Args:
            rotation: The experiment's optimiser of rotations.
        """
        return []

    def orthogonality_errors(self) -> Tensor:
        """Measure how far each task's rotation is from orthogonal: `[K]`; 0 without rotations."""
        return torch.zeros(self.tasks)

    def logged(self) -> dict[str, Tensor]:
        """List what to record after an epoch, one number per task: column -> `[K]`.

        `{task}` in a column's name stands for the task's name.
        """
        return {}


def weighted_sum(weights: Tensor, gradients: Tensor) -> Tensor:
    """Compute `sum_k w_k G_k` of `[K]` and `[K, B, D]`: `[B, D]`."""
    return torch.einsum("k,kbd->bd", weights, gradients)


def unit_sum(batch: TaskGradients, m: int | None = None) -> Tensor:
    """Compute `sum_k U_k`, `U_k = G_k / ||G_k||_F` (paper, section 3): `[B, D]`.

    Args:
        batch: Task gradients.
        m: The first m features alone, `[B, m]`; None for all.
    """
    return weighted_sum(batch.inverse_norms, batch.gradients[..., :m])


# Numbers of each task gradient that are turned into float64 at a time: 8 MiB.
PART = 1 << 20


def gramian(gradients: Tensor) -> Tensor:
    """Compute the inner products `<G_i, G_j>_F` of `[K, B, D]`: `[K, K]` in float64.

    In float32, gradients that are nearly opposite would look exactly opposite.
    """
    parts = (part.double() for part in gradients.flatten(1).split(PART, dim=1))
    return sum((part @ part.T for part in parts), start=gradients.new_zeros((), dtype=torch.double))
