"""K tasks, grouped so that tasks of the same kind cost one operation."""

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from .. import plugins
from ..config import schema


def columns_of(tasks: list[schema.Task]) -> list[list[int]]:
    """List the columns (dense tasks: channels) of a dataset's targets that each task takes."""
    ends = itertools.accumulate(task.targets for task in tasks)
    return [list(range(end - task.targets, end)) for task, end in zip(tasks, ends, strict=True)]


def take(x: Tensor, indices: list[int], dim: int) -> Tensor:
    """Take the entries `indices` of a dimension of x; x itself where they are all, in order.

    A list in square brackets would be copied to the device, which waits for it, and its derivative
    would add up in the device's own order.
    """
    if indices == list(range(x.shape[dim])):
        return x
    entries = x.unbind(dim)
    return torch.stack([entries[i] for i in indices], dim)


class Tasks:
    """Computes the losses of K tasks in a fixed order.

    Attributes:
        tasks: The K tasks.
        columns: The columns of the targets, one list per task.
        kinds: Kind -> what computes its losses and metrics (`tasks/kinds/`).
        head_groups: `(outputs, indices)` for each head shape: how many numbers its heads give and
            which tasks they belong to.
        dense: Whether targets are maps, `[B, C, H, W]` with one value per pixel.
    """

    def __init__(self, tasks: list[schema.Task]) -> None:
        self.tasks = tasks
        self.columns = columns_of(tasks)
        self.kinds: dict[str, Any] = {
            kind: plugins.load("kinds", kind).build()
            for kind in dict.fromkeys(task.kind for task in tasks)
        }
        shapes = dict.fromkeys(task.outputs for task in tasks)
        self.head_groups = [(n, [k for k, t in enumerate(tasks) if t.outputs == n]) for n in shapes]
        self.dense = tasks[0].dense

    def __len__(self) -> int:
        return len(self.tasks)

    @property
    def names(self) -> list[str]:
        """The tasks' names, in order."""
        return [task.name for task in self.tasks]

    def losses(self, outputs: list[Tensor], targets: Tensor) -> Tensor:
        """Compute the mean loss of every task over a batch.

        Args:
            outputs: Per group of heads `[K_g, B, outputs]`; dense tasks' `[K_g, B, outputs, H, W]`.
            targets: `[B, columns]`; dense tasks' `[B, columns, H, W]`.

        Returns:
            `[K]`, differentiable.
        """
        if self.dense:
            sums, pixels = self.loss_sums(outputs, targets)
            return sums / pixels.clamp_min(1)
        losses = [targets.new_empty(0)] * len(self)
        for kind, indices, of_kind, columns in self._by_kind(outputs, targets):
            shifts = [self.tasks[k].shift for k in indices]
            for k, loss in zip(indices, kind.losses(of_kind, columns, shifts), strict=True):
                losses[k] = loss
        return torch.stack(losses)

    def loss_sums(self, outputs: list[Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
        """Sum each dense task's loss over valid pixels, and count these: `[K]` each."""
        by_task = [(targets.new_empty(0),) * 2] * len(self)
        for kind, indices, of_kind, columns in self._by_kind(outputs, targets):
            pairs = kind.loss_sums(of_kind, columns.unflatten(1, (len(indices), -1)))
            for k, *pair in zip(indices, *pairs, strict=True):
                by_task[k] = pair
        sums, pixels = (torch.stack(column) for column in zip(*by_task, strict=True))
        return sums, pixels

    def _by_kind(
        self, outputs: list[Tensor], targets: Tensor
    ) -> Iterator[tuple[Any, list[int], Tensor, Tensor]]:
        """Yield kind, task indices, outputs and targets of the tasks of one kind and head shape."""
        for (_, indices), output in zip(self.head_groups, outputs, strict=True):
            for kind in dict.fromkeys(self.tasks[k].kind for k in indices):
                rows = [i for i, k in enumerate(indices) if self.tasks[k].kind == kind]
                of_kind = [indices[i] for i in rows]
                columns = [column for k in of_kind for column in self.columns[k]]
                yield self.kinds[kind], of_kind, take(output, rows, 0), take(targets, columns, 1)
