"""Algorithm 1 of the paper, up to the optimisers: one batch's gradient for every parameter."""

import torch
from torch import Tensor

from ..methods._base import TaskGradients
from ..models.network import Network
from ..tasks.group import Tasks


def task_step(
    net: Network, tasks: Tasks, x: Tensor, y: Tensor, initial_losses: Tensor
) -> tuple[TaskGradients, Tensor]:
    """Run Algorithm 1 up to the optimisers: set the gradient of every parameter.

    Args:
        net: Backbone, heads and method.
        tasks: The K tasks.
        x: Inputs `[B, ...]`.
        y: Targets `[B, K]`; of dense tasks `[B, columns, H, W]`.
        initial_losses: What each loss is divided by, `[K]`.

    Returns:
        The task gradients, and the update `[B, D]` that the backbone received.
    """
    z = net.features(x)  # [B, D]
    losses, at_heads = head_step(net, tasks, z.detach(), y, initial_losses)  # [K], [K, B, D]
    batch = net.method.pull_back(z.detach(), losses, at_heads)
    update = net.method.combine(batch)  # [B, D]
    z.backward(update)
    net.method.accumulate_own_gradients(batch)
    return batch, update


def head_step(
    net: Network, tasks: Tasks, z: Tensor, y: Tensor, initial_losses: Tensor
) -> tuple[Tensor, Tensor]:
    """Compute every task's loss and its gradient at the task's features; set the heads' gradients.

    A function of its own, so that the features and outputs of K tasks are freed before the
    backbone's backward pass.
    """
    features = net.method.task_features(z).detach().requires_grad_()  # [K, B, D]
    losses = tasks.losses(net.heads(features), y)  # [K]
    heads = list(net.heads.parameters())
    total = (losses / initial_losses).sum()
    at_features, *at_parameters = torch.autograd.grad(total, [features, *heads])
    for parameter, gradient in zip(heads, at_parameters, strict=True):
        parameter.grad = gradient
    return losses.detach(), at_features
