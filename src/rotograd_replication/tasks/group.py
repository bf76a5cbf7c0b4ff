"""K tasks, grouped so that tasks of the same kind cost one operation; losses and evaluation."""

import itertools

import torch
from torch import Tensor

from ..config import schema
from . import dense_losses as dense
from . import dense_metrics, losses, metrics


def columns_of(tasks: list[schema.Task]) -> list[list[int]]:
    """The columns (dense tasks: channels) of a dataset's targets that each of its tasks takes."""
    ends = itertools.accumulate(task.targets for task in tasks)
    return [list(range(end - task.targets, end)) for task, end in zip(tasks, ends, strict=True)]


class Tasks:
    """K tasks in a fixed order.

    Attributes:
        tasks: the K tasks.
        columns: of the targets, one list per task.
        stacks: `(outputs, places)` for each head shape: how many numbers its heads give and which
            tasks they belong to.
        dense: whether targets are maps, `[B, C, H, W]` with one value per pixel.
    """

    def __init__(self, tasks: list[schema.Task]) -> None:
        self.tasks = tasks
        self.columns = columns_of(tasks)
        shapes = dict.fromkeys(task.outputs for task in tasks)
        self.stacks = [(n, [k for k, t in enumerate(tasks) if t.outputs == n]) for n in shapes]
        self.dense = tasks[0].dense

    def __len__(self) -> int:
        return len(self.tasks)

    @property
    def names(self) -> list[str]:
        """The tasks' names, in order."""
        return [task.name for task in self.tasks]

    def losses(self, outputs: list[Tensor], targets: Tensor) -> Tensor:
        """Mean loss of every task over a batch.

        Args:
            outputs: per stack, `[K_s, B, outputs]`; dense tasks' `[K_s, B, outputs, H, W]`.
            targets: `[B, columns]`; dense tasks' `[B, columns, H, W]`.

        Returns:
            `[K]`, differentiable.
        """
        if self.dense:
            sums, pixels = self.sums(outputs, targets)
            return sums / pixels.clamp_min(1)
        found: list[Tensor] = [targets.new_empty(0)] * len(self)
        for kind, chosen, output, wanted in self._by_kind(outputs, targets):
            shifts = output.new_tensor([self.tasks[k].shift for k in chosen])
            for k, loss in zip(chosen, losses.LOSSES[kind](output, wanted, shifts), strict=True):
                found[k] = loss
        return torch.stack(found)

    def sums(self, outputs: list[Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
        """Each dense task's loss summed over valid pixels, and their number: `[K]` each."""
        found = [(targets.new_empty(0),) * 2] * len(self)
        for kind, chosen, output, wanted in self._by_kind(outputs, targets):
            pairs = dense.LOSSES[kind](output, wanted.unflatten(1, (len(chosen), -1)))
            for k, *pair in zip(chosen, *pairs, strict=True):
                found[k] = pair
        sums, pixels = (torch.stack(column) for column in zip(*found, strict=True))
        return sums, pixels

    def _by_kind(
        self, outputs: list[Tensor], targets: Tensor
    ) -> list[tuple[str, list[int], Tensor, Tensor]]:
        """Kind, places, outputs and targets of the tasks of one kind in one stack."""
        groups = []
        for (_, places), output in zip(self.stacks, outputs, strict=True):
            for kind in dict.fromkeys(self.tasks[k].kind for k in places):
                local = [i for i, k in enumerate(places) if self.tasks[k].kind == kind]
                chosen = [places[i] for i in local]
                of_kind = output if len(local) == len(places) else output[local]
                taken = [column for k in chosen for column in self.columns[k]]
                wanted = targets if len(chosen) == len(self) else targets[:, taken]
                groups.append((kind, chosen, of_kind, wanted))
        return groups

    def metrics(self, outputs: list[Tensor], targets: Tensor) -> dict[str, dict[str, float]]:
        """Each task's metrics over one batch: `{task: {metric: value, "loss": value}}`."""
        evaluation = self.evaluation()
        evaluation.update(outputs, targets)
        return evaluation.compute()

    def evaluation(self) -> "Evaluation":
        """What measures the tasks over a split, batch by batch."""
        return DenseEvaluation(self) if self.dense else Evaluation(self)


class Evaluation:
    """Keeps the outputs of a split, a few numbers per sample, and measures them at once."""

    def __init__(self, tasks: Tasks) -> None:
        self.tasks = tasks
        self.batches: list[tuple[list[Tensor], Tensor]] = []

    def update(self, outputs: list[Tensor], targets: Tensor) -> None:
        """Take one batch's outputs and targets, as `Tasks.losses` takes them."""
        self.batches.append((outputs, targets))

    def compute(self) -> dict[str, dict[str, float]]:
        """`{task: {metric: value, "loss": value}}` over all batches."""
        parts, columns = zip(*self.batches, strict=True)
        outputs = [torch.cat(one, dim=1) for one in zip(*parts, strict=True)]
        targets = torch.cat(columns)
        each = self.tasks.losses(outputs, targets).cpu().numpy()
        wanted = targets.cpu().numpy()
        found: dict[str, dict[str, float]] = {}
        for (_, places), output in zip(self.tasks.stacks, outputs, strict=True):
            for k, one in zip(places, output.float().cpu().numpy(), strict=True):
                task, loss = self.tasks.tasks[k], float(each[k])
                value = metrics.measure(task.kind, one, wanted[:, k], loss)
                found[task.name] = {metrics.NAMES[task.kind]: value, "loss": loss}
        return {name: found[name] for name in self.tasks.names}


class DenseEvaluation(Evaluation):
    """Adds maps up: outputs are dropped with their batch. Losses are means over valid pixels."""

    def __init__(self, tasks: Tasks) -> None:
        super().__init__(tasks)
        self.metrics = [dense_metrics.METRICS[task.kind]() for task in tasks.tasks]
        self.sums = torch.zeros(2, len(tasks), dtype=torch.double)

    def update(self, outputs: list[Tensor], targets: Tensor) -> None:
        """Count one batch."""
        self.sums += torch.stack(self.tasks.sums(outputs, targets)).double().cpu()
        for (_, places), output in zip(self.tasks.stacks, outputs, strict=True):
            for k, one in zip(places, output, strict=True):
                self.metrics[k].update(one.float(), targets[:, self.tasks.columns[k]])

    def compute(self) -> dict[str, dict[str, float]]:
        """`{task: {metric: value, ..., "loss": value}}` over all batches."""
        means = (self.sums[0] / self.sums[1].clamp_min(1)).tolist()
        return {
            name: metric.compute() | {"loss": loss}
            for name, metric, loss in zip(self.tasks.names, self.metrics, means, strict=True)
        }
