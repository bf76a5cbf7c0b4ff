"""The losses and metrics of K tasks over a split, batch by batch."""

import torch
from torch import Tensor

from .group import Tasks, take


class Evaluation:
    """Keeps the outputs of a split, a few numbers per sample, and measures them at once."""

    def __init__(self, tasks: Tasks, batch: int | None) -> None:
        self.tasks, self.batch = tasks, batch
        self.batches: list[tuple[list[Tensor], Tensor]] = []

    def update(self, outputs: list[Tensor], targets: Tensor) -> None:
        """Add one batch's outputs and targets, as `Tasks.losses` takes them."""
        self.batches.append((outputs, targets))

    def compute(self) -> dict[str, dict[str, float]]:
        """Compute `{task: {metric: value, "loss": value}}` over all batches."""
        by_batch, columns = zip(*self.batches, strict=True)
        outputs = [torch.cat(batches, dim=1) for batches in zip(*by_batch, strict=True)]
        targets = torch.cat(columns)
        losses = self.tasks.losses(outputs, targets).cpu().numpy()
        numbers = targets.cpu().numpy()
        batch = self.batch or len(targets)
        metrics: dict[str, dict[str, float]] = {}
        for (_, indices), output in zip(self.tasks.head_groups, outputs, strict=True):
            for k, of_task in zip(indices, output.float().cpu().numpy(), strict=True):
                task, loss = self.tasks.tasks[k], float(losses[k])
                found = self.tasks.kinds[task.kind].measure(of_task, numbers[:, k], loss, batch)
                metrics[task.name] = dict(zip(task.all_metrics, found, strict=True))
                metrics[task.name]["loss"] = loss
        return {name: metrics[name] for name in self.tasks.names}


class DenseEvaluation(Evaluation):
    """Adds up maps: outputs are dropped with their batch. Losses are means over valid pixels."""

    def __init__(self, tasks: Tasks) -> None:
        super().__init__(tasks, None)
        self.metrics = [tasks.kinds[task.kind].metrics() for task in tasks.tasks]
        self.sums = torch.zeros(2, len(tasks), dtype=torch.double)

    def update(self, outputs: list[Tensor], targets: Tensor) -> None:
        """Add one batch."""
        self.sums += torch.stack(self.tasks.loss_sums(outputs, targets)).double().cpu()
        for (_, indices), output in zip(self.tasks.head_groups, outputs, strict=True):
            for k, of_task in zip(indices, output, strict=True):
                self.metrics[k].update(of_task.float(), take(targets, self.tasks.columns[k], 1))

    def compute(self) -> dict[str, dict[str, float]]:
        """Compute `{task: {metric: value, ..., "loss": value}}` over all batches."""
        means = (self.sums[0] / self.sums[1].clamp_min(1)).tolist()
        return {
            name: metric.compute() | {"loss": loss}
            for name, metric, loss in zip(self.tasks.names, self.metrics, means, strict=True)
        }


def evaluation_of(tasks: Tasks, batch: int | None = None) -> Evaluation:
    """Start an evaluation of the tasks over a split.

    Args:
        tasks: The K tasks.
        batch: The samples of a batch, for means over batches; None takes the split for one. Dense
            tasks take the batches that they are given.
    """
    return DenseEvaluation(tasks) if tasks.dense else Evaluation(tasks, batch)


def metrics_of(tasks: Tasks, outputs: list[Tensor], targets: Tensor) -> dict[str, dict[str, float]]:
    """Compute each task's metrics over one batch: `{task: {metric: value, "loss": value}}`."""
    evaluation = evaluation_of(tasks)
    evaluation.update(outputs, targets)
    return evaluation.compute()
