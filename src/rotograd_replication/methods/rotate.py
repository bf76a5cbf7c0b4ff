"""Rotations R_k before each head, around any inner method (paper, section 3, Algorithm 1).

RotoGrad is rotate(scale), Rotate Only is rotate(vanilla), "PCGrad with R_k" is rotate(pcgrad) with
`objective: task_loss`. The rotations are the leader of the Stackelberg game of section 3.3; their
optimiser, with its own learning rate and decay, belongs to the experiment.

Deviation of the official code (rotograd 0.1.6.0) from equation 3: it minimises
`sum_n ||R_k v_n - g~_{n,k}||^2`, with `v = ||mean_k G_k|| (1/K) sum_k U_k`. On rotations, its
gradient is that of equation 3 times `2 ||mean_k G_k||`. That factor changes from step to step, and
Adam remembers. `gradient_scale: official` applies it.
"""

from typing import Literal

import torch
from pydantic import PositiveFloat
from torch import Tensor

from .. import plugins
from ..config.run_settings import OptimizerSettings
from ..config.schema import Share
from ._base import Context, Method, ParamGroups, TaskGradients, unit_sum


def subspace(m: int | str | None, features: int) -> int:
    """Compute how many of the D features are rotated: all, `m` of them, or a share like `50%`.

    Raises:
        ValueError: The number is outside 1..D.
    """
    size = features if m is None else m
    if isinstance(size, str):
        size = round(features * float(size.removesuffix("%")) / 100)
    if not 1 <= size <= features:
        raise ValueError(f"`m` must be in 1..{features}, the features. Found {m}.")
    return size


class Rotate(Method):
    """Rotates: `r_k = [R_k z_{1:m}, z_{m+1:D}]`; learns R_k by equation 3 or the task's loss."""

    def __init__(
        self,
        context: Context,
        m: int | str | None,
        start: str,
        parametrisation: str,
        objective: str,
        gradient_scale: str,
        eps: float,
    ) -> None:
        super().__init__(context)
        self.inner = context.inner or Method(context)
        self.m = subspace(m, context.features)
        self.objective = objective
        self.gradient_scale = gradient_scale
        self.eps = eps
        build_rotations = plugins.load("rotations", parametrisation).build
        self.rotations = build_rotations(context.tasks, self.m, start, context.generator)
        self.current = self.rotations().detach()

    def task_features(self, z: Tensor) -> Tensor:
        """Compute `r_k = R_k z`, `[B, D]` -> `[K, B, D]`; keep R_k for the rest of the step."""
        self.current = self.rotations()
        rotated = z[:, : self.m] @ self.current.detach().mT
        if self.m == z.shape[1]:
            return rotated
        return torch.cat([rotated, z[:, self.m :].expand(self.tasks, -1, -1)], dim=2)

    def pull_back(self, z: Tensor, losses: Tensor, head_gradients: Tensor) -> TaskGradients:
        """Compute `G_k = R_k^T G~_k`, row by row, in the memory of `G~_k`."""
        back = head_gradients[..., : self.m] @ self.current.detach()
        if self.m == z.shape[1]:
            return TaskGradients(z, losses, back)
        gradients = head_gradients.contiguous()
        gradients[..., : self.m] = back
        return TaskGradients(z, losses, gradients)

    def combine(self, batch: TaskGradients) -> Tensor:
        """Compute the inner method's update, at z."""
        return self.inner.combine(batch)

    def accumulate_own_gradients(self, batch: TaskGradients) -> None:
        """Set the gradient of `L_rot^k = - sum_n <R_k^T g~_{n,k}, v_n>` (equation 3), or of L_k.

        Along `R_k exp(A)`, A skew, both are `<M_k, A>` to first order, with M_k a sum of outer
        products: `- G_k^T V` and, since `R_k A z` meets `G~_k`, `G_k^T Z`: `[m, m]` each. No
        gradient flows through the parametrisation for it.
        """
        if self.objective == "alignment":
            target = unit_sum(batch, self.m) / -self.tasks
            if self.gradient_scale == "official":
                target *= 2 * torch.linalg.vector_norm(batch.gradients.mean(0))
        else:
            target = batch.z[:, : self.m]
        self.rotations.accumulate_gradients(self.current, batch.gradients[..., : self.m], target)
        self.inner.accumulate_own_gradients(batch)

    def after_optimizer_step(self, step: int) -> None:
        """Retract the rotations to SO(m); pass the step on to the inner method."""
        self.rotations.retract(step)
        self.inner.after_optimizer_step(step)

    def param_groups(self, rotation: OptimizerSettings) -> ParamGroups:
        """List the rotations with their optimiser, and the inner method's own."""
        own: OptimizerSettings = {**rotation, "eps": self.eps}
        return [(list(self.rotations.parameters()), own), *self.inner.param_groups(rotation)]

    def orthogonality_errors(self) -> Tensor:
        """Compute the largest entry of `|R_k^T R_k - I|`: `[K]`."""
        with torch.no_grad():
            rotations = self.rotations()
        identity = torch.eye(self.m, dtype=rotations.dtype, device=rotations.device)
        return (rotations.mT @ rotations - identity).abs().amax((1, 2))

    def logged(self) -> dict[str, Tensor]:
        """Log distance and largest plane angle from the start; entries of R_k where it is 2 x 2.

        `rotation_distance` is `||R_k - R_k^0||_F`, `rotation_angle` in radians (`largest_angles`).
        """
        with torch.no_grad():
            rotations = self.rotations()
            angles = self.rotations.largest_angles()
        distance = torch.linalg.matrix_norm(rotations - self.rotations.start)
        columns = {"rotation_distance/{task}": distance, "rotation_angle/{task}": angles}
        columns |= self.inner.logged()
        if self.m == 2:
            entries = [(i, j) for i in range(2) for j in range(2)]
            columns |= {f"rotation/{{task}}/{i}/{j}": rotations[:, i, j] for i, j in entries}
        return columns


def build(
    context: Context,
    *,
    m: int | Share | None = None,
    start: Literal["identity", "random"],
    parametrisation: str,
    objective: Literal["alignment", "task_loss"],
    eps: PositiveFloat,
    gradient_scale: Literal["equation", "official"] = "equation",
) -> Method:
    """Rotate the first `m` features (all by default) before each head.

    Args:
        context: What the method is built for.
        m: The number of features, or a share of them such as `50%`.
        start: Where the rotations start: `identity`, or `random` ones (Haar).
        parametrisation: The name of a file of `methods/rotations/`.
        objective: What they minimise: equation 3, or the task's own loss.
        eps: What Adam and RAdam add to the root of the second moment of the rotations' gradient.
        gradient_scale: The gradient's scale: that of equation 3, or of the official code.
    """
    return Rotate(context, m, start, parametrisation, objective, gradient_scale, eps)
