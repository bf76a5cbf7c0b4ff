"""Algorithm 1 of the paper, up to the optimisers: one batch's gradient for every parameter."""

import torch
from torch import Tensor

from ..methods._base import Step
from ..models.network import Network
from ..tasks.group import Tasks


def task_step(
    net: Network, tasks: Tasks, x: Tensor, y: Tensor, unit_loss: Tensor
) -> tuple[Step, Tensor]:
    """Algorithm 1 up to the optimisers: leaves a gradient on every parameter.

    Args:
        net: backbone, heads and method.
        tasks: the K tasks.
        x: inputs `[B, ...]`.
        y: targets `[B, K]`, dense tasks' `[B, columns, H, W]`.
        unit_loss: what each loss is divided by, `[K]`.

    Returns:
        The step, and the update `[B, D]` that the backbone received.
    """
    z = net.features(x)  # [B, D]
    losses, at_views = head_step(net, tasks, z.detach(), y, unit_loss)  # [K], [K, B, D]
    step = net.method.step(z.detach(), losses, at_views)
    update = net.method.combine(step)  # [B, D]
    z.backward(update)
    net.method.learn(step)
    return step, update


def head_step(
    net: Network, tasks: Tasks, z: Tensor, y: Tensor, unit_loss: Tensor
) -> tuple[Tensor, Tensor]:
    """Every task's loss and its gradient at the task's view of z; heads keep their own gradients.

    A function of its own, so that views and outputs are freed before the backbone's backward pass.
    """
    views = net.method.view(z).detach().requires_grad_()  # [K, B, D]
    losses = tasks.losses(net.heads(views), y)  # [K]
    heads = list(net.heads.parameters())
    at_views, *at_heads = torch.autograd.grad((losses / unit_loss).sum(), [views, *heads])
    for parameter, gradient in zip(heads, at_heads, strict=True):
        parameter.grad = gradient
    return losses.detach(), at_views
