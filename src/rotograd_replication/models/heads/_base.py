"""Every task's head: one stacked module per head shape."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Heads(nn.Module):
    """Gives each stack of heads its tasks' views.

    Args:
        stacks: `(outputs, places)` as in `group.Tasks.stacks`.
        make: `(tasks, outputs)` -> a module that maps `[K_s, B, D]` to `[K_s, B, outputs, ...]`.
    """

    def __init__(
        self, stacks: list[tuple[int, list[int]]], make: Callable[[int, int], nn.Module]
    ) -> None:
        super().__init__()
        self.places = [places for _, places in stacks]
        self.stacks = nn.ModuleList(make(len(places), outputs) for outputs, places in stacks)

    def forward(self, views: Tensor) -> list[Tensor]:
        """Map task views `[K, B, D]` to one `[K_s, B, outputs, ...]` per stack."""
        if len(self.stacks) == 1:
            return [self.stacks[0](views)]
        # Unbound once, so that the gradient of all views is written once; a stack of one task takes
        # its view without a copy.
        each = views.unbind()
        outputs = []
        for places, stack in zip(self.places, self.stacks, strict=True):
            chosen = [each[k] for k in places]
            outputs.append(stack(torch.stack(chosen) if len(chosen) > 1 else chosen[0][None]))
        return outputs
