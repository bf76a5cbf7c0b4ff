"""The losses and metrics of a network on a whole split, and a snapshot of what is inside it."""

import math

import torch
from torch.nn.utils import parametrize

from ..data.loader import Loader
from ..models.network import Network
from ..tasks.evaluation import evaluation_of
from ..tasks.group import Tasks, take


class NotFinite(ValueError):
    """A loss or a metric over a split is infinite or not a number; its message names the task."""


def evaluate_split(
    net: Network, tasks: Tasks, loader: Loader, columns: list[int], batch: int
) -> dict[str, dict[str, float]]:
    """Compute every task's metrics over a split: `{task: {metric: value, "loss": value}}`.

    Args:
        net: The network of the tasks.
        tasks: The K tasks.
        loader: The split.
        columns: Those of its targets that belong to the tasks.
        batch: The samples of a training batch, for means over batches.

    Raises:
        NotFinite: A task's loss, or a metric of it, is not a finite number.
    """
    evaluation = evaluation_of(tasks, batch)
    net.eval()
    with torch.no_grad(), parametrize.cached():
        for x, y in loader.in_order():
            evaluation.update(net(x), take(y, columns, 1))
    net.train()
    by_task = evaluation.compute()
    for task, metrics in by_task.items():
        for name in ("loss", *metrics):
            if not math.isfinite(metrics[name]):
                raise NotFinite(f"the {name} of `{task}` is {metrics[name]}")
    return by_task


def validation(
    net: Network, tasks: Tasks, loader: Loader, columns: list[int], batch: int
) -> dict[str, float]:
    """Compute the metrics of a split as columns of the history."""
    return {
        (f"val_loss/{task}" if name == "loss" else f"val_{name}/{task}"): value
        for task, metrics in evaluate_split(net, tasks, loader, columns, batch).items()
        for name, value in metrics.items()
    }


def snapshot(net: Network, tasks: Tasks, loader: Loader) -> dict[str, float]:
    """Return what the method logs and, where samples are points of the plane, the first one's z."""
    columns = {}
    for column, numbers in net.method.logged().items():
        for task, number in zip(tasks.names, numbers.tolist(), strict=True):
            columns[column.format(task=task)] = number
    x, _ = next(iter(loader.in_order()))
    if x.shape[1:] == (2,):
        with torch.no_grad():
            z = net.features(x)
            by_task = net.method.task_features(z)[:, 0].tolist()
            columns |= {f"feature/{i}": value for i, value in enumerate(z[0].tolist())}
            for task, features in zip(tasks.names, by_task, strict=True):
                columns |= {f"view/{task}/{i}": value for i, value in enumerate(features)}
    return columns
