"""Every task's head: heads of one shape are one module."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Heads(nn.Module):
    """Gives each group of heads the features of its tasks.

    Args:
        head_groups: `(outputs, task_indices)` as in `group.Tasks.head_groups`.
        make: `(tasks, outputs)` -> a module that maps `[K_g, B, D]` to `[K_g, B, outputs, ...]`.
    """

    def __init__(
        self, head_groups: list[tuple[int, list[int]]], make: Callable[[int, int], nn.Module]
    ) -> None:
        super().__init__()
        self.task_indices = [indices for _, indices in head_groups]
        # `stacks` is in the names of a saved model's parameters.
        self.stacks = nn.ModuleList(make(len(indices), outputs) for outputs, indices in head_groups)

    def forward(self, features: Tensor) -> list[Tensor]:
        """Map task features `[K, B, D]` to one `[K_g, B, outputs, ...]` per group."""
        if len(self.stacks) == 1:
            return [self.stacks[0](features)]
        # Unbound once, so that the gradient of all features is written once; a group of one task
        # takes its features without a copy.
        by_task = features.unbind()
        outputs = []
        for indices, heads in zip(self.task_indices, self.stacks, strict=True):
            inputs = [by_task[k] for k in indices]
            outputs.append(heads(torch.stack(inputs) if len(inputs) > 1 else inputs[0][None]))
        return outputs
