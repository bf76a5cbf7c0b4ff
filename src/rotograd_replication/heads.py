"""Heads of the same shape are one module: K multilayer perceptrons in one batched product."""

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Linear(nn.Module):
    """K independent linear layers, initialised as `torch.nn.Linear` initialises one."""

    def __init__(self, tasks: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(tasks, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(tasks, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Map `[K, B, inputs]` to `[K, B, outputs]`."""
        return torch.baddbmm(self.bias, x, self.weight)


class Heads(nn.Module):
    """One stack of heads per head shape; a task without outputs takes its view as it is.

    Args:
        stacks: `(outputs, places)` as in `tasks.Tasks.stacks`.
        features: D.
        hidden: widths of the hidden layers, ReLU between.
    """

    def __init__(
        self, stacks: list[tuple[int, list[int]]], features: int, hidden: list[int]
    ) -> None:
        super().__init__()
        self.places = [places for _, places in stacks]
        self.total = sum(len(places) for places in self.places)
        self.stacks = nn.ModuleList(
            self._stack(len(places), [features, *hidden, outputs]) if outputs else nn.ModuleList()
            for outputs, places in stacks
        )

    @staticmethod
    def _stack(tasks: int, widths: list[int]) -> nn.ModuleList:
        pairs = itertools.pairwise(widths)
        return nn.ModuleList(Linear(tasks, inputs, outputs) for inputs, outputs in pairs)

    def forward(self, views: Tensor) -> list[Tensor]:
        """Map task views `[K, B, D]` to one `[K_s, B, outputs]` per stack."""
        outputs = []
        for places, layers in zip(self.places, self.stacks, strict=True):
            x = views if len(places) == self.total else views[places]
            for i, layer in enumerate(layers):
                x = layer(F.relu(x) if i else x)
            outputs.append(x)
        return outputs
