"""K multilayer perceptrons in one batched product, ReLU between layers; linear without hidden ones.

A task without outputs takes its view as it is.
"""

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Linear(nn.Module):
    """Computes K independent linear layers, initialised as `torch.nn.Linear` initialises one."""

    def __init__(self, tasks: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(tasks, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(tasks, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Map `[K, B, inputs]` to `[K, B, outputs]`."""
        return torch.baddbmm(self.bias, x, self.weight)


class Perceptrons(nn.ModuleList):
    """Computes K perceptrons of one shape."""

    def forward(self, x: Tensor) -> Tensor:
        """Map `[K, B, D]` to `[K, B, outputs]`."""
        for i, layer in enumerate(self):
            x = layer(F.relu(x) if i else x)
        return x


def build(tasks: int, outputs: int, features: int, hidden: list[int]) -> nn.Module:
    """Build `tasks` perceptrons of widths `features`, `hidden`, `outputs`."""
    pairs = itertools.pairwise([features, *hidden, outputs] if outputs else [])
    return Perceptrons(Linear(tasks, inputs, outputs) for inputs, outputs in pairs)
