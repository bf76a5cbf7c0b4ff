"""What a network is worth on a whole split, and what it looks like inside."""

import math

import torch
from torch.nn.utils import parametrize

from ..data.loader import Loader
from ..models.network import Network
from ..tasks.group import Tasks


class NotFinite(ValueError):
    """A loss or a metric over a split is infinite or not a number; its message names the task."""


def assess(
    net: Network, tasks: Tasks, loader: Loader, columns: list[int]
) -> dict[str, dict[str, float]]:
    """Every task's metrics over a whole split: `{task: {metric: value, "loss": value}}`.

    Args:
        net: the network of the tasks.
        tasks: the K tasks.
        loader: the split.
        columns: of its targets, those of the tasks.

    Raises:
        NotFinite: a task's loss, or a metric of it, is not a finite number.
    """
    evaluation = tasks.evaluation()
    net.eval()
    with torch.no_grad(), parametrize.cached():
        for x, y in loader.in_order():
            evaluation.update(net(x), y[:, columns])
    net.train()
    found = evaluation.compute()
    for name, one in found.items():
        for metric in ("loss", *one):
            if not math.isfinite(one[metric]):
                raise NotFinite(f"the {metric} of `{name}` is {one[metric]}")
    return found


def validation(net: Network, tasks: Tasks, loader: Loader, columns: list[int]) -> dict[str, float]:
    """The metrics of a split as columns of the history."""
    return {
        (f"val_loss/{task}" if name == "loss" else f"val_{name}/{task}"): value
        for task, one in assess(net, tasks, loader, columns).items()
        for name, value in one.items()
    }


def appearance(net: Network, tasks: Tasks, loader: Loader) -> dict[str, float]:
    """What the method and, if small enough to draw, the features look like now."""
    found = {}
    for column, numbers in net.method.measures().items():
        for task, number in zip(tasks.names, numbers.tolist(), strict=True):
            found[column.format(task=task)] = number
    x, _ = next(iter(loader.in_order()))
    if x.shape[1:] == (2,):
        with torch.no_grad():
            z = net.features(x)
            views = net.method.view(z)[:, 0].tolist()
            found |= {f"feature/{i}": value for i, value in enumerate(z[0].tolist())}
            for task, view in zip(tasks.names, views, strict=True):
                found |= {f"view/{task}/{i}": value for i, value in enumerate(view)}
    return found
