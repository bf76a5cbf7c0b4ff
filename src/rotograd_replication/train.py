"""Train one run: a method, an experiment and a seed; keep the parameters of best validation."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import safetensors.torch
import torch
from torch import Tensor
from torch.nn.utils import parametrize

from . import diagnostics, network, records, runtime, schema
from .loader import Loader
from .methods._base import Step
from .network import Network
from .tasks import Tasks, columns_of

log = logging.getLogger(__name__)
OPTIMIZERS = {"radam": torch.optim.RAdam, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}


@dataclass(frozen=True)
class Outputs:
    """The three files a run leaves: best parameters, a row per epoch, and provenance."""

    model: Path
    history: Path
    record: Path


def task_step(
    net: Network, tasks: Tasks, x: Tensor, y: Tensor, unit_loss: Tensor
) -> tuple[Step, Tensor]:
    """Algorithm 1 up to the optimisers: leaves a gradient on every parameter.

    Args:
        net: backbone, heads and method.
        tasks: the K tasks.
        x: inputs `[B, ...]`.
        y: targets `[B, K]`, dense tasks' `[B, columns, H, W]`.
        unit_loss: what each loss is divided by, `[K]`.

    Returns:
        The step, and the update `[B, D]` that the backbone received.
    """
    z = net.backbone(x)  # [B, D]
    losses, at_views = head_step(net, tasks, z.detach(), y, unit_loss)  # [K], [K, B, D]
    step = net.method.step(z.detach(), losses, at_views)
    update = net.method.combine(step)  # [B, D]
    z.backward(update)
    net.method.learn(step)
    return step, update


def head_step(
    net: Network, tasks: Tasks, z: Tensor, y: Tensor, unit_loss: Tensor
) -> tuple[Tensor, Tensor]:
    """Every task's loss and its gradient at the task's view of z; heads keep their own gradients.

    A function of its own, so that views and outputs are freed before the backbone's backward pass.
    """
    views = net.method.view(z).detach().requires_grad_()  # [K, B, D]
    losses = tasks.losses(net.heads(views), y)  # [K]
    heads = list(net.heads.parameters())
    at_views, *at_heads = torch.autograd.grad((losses / unit_loss).sum(), [views, *heads])
    for parameter, gradient in zip(heads, at_heads, strict=True):
        parameter.grad = gradient
    return losses.detach(), at_views


class Optimizers:
    """The network's optimiser and the method's own, each with its schedule."""

    def __init__(self, net: Network, settings: dict[str, Any]) -> None:
        training = settings["training"]
        self.method = net.method
        shared = [*net.backbone.parameters(), *net.heads.parameters()]
        rotation = settings["method"]["rotation"] or training["rotation"]
        own = net.method.groups(rotation["learning_rate"])
        pairs = [([{"params": shared}], training["optimizer"]), (own, rotation)]
        self.optimizers = [
            OPTIMIZERS[chosen["name"]](groups, lr=chosen["learning_rate"])
            for groups, chosen in pairs
            if groups
        ]
        self.schedules = [
            torch.optim.lr_scheduler.ExponentialLR(optimizer, chosen["decay"])
            for optimizer, (_, chosen) in zip(self.optimizers, pairs, strict=False)
        ]
        self.drops = [chosen["drops"] for _, chosen in pairs[: len(self.optimizers)]]

    def zero_grad(self) -> None:
        """Forget the gradients of the last step."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Move every parameter, lower the learning rates, let the method take in its own."""
        for optimizer, schedule in zip(self.optimizers, self.schedules, strict=True):
            optimizer.step()
            schedule.step()
        self.method.settle(self.schedules[0].last_epoch)

    def end_epoch(self, epoch: int) -> None:
        """Lower the learning rates that drop after epoch number `epoch`, from 1."""
        for optimizer, drops in zip(self.optimizers, self.drops, strict=True):
            if drops and epoch in drops["after"]:
                for group in optimizer.param_groups:
                    group["lr"] *= drops["factor"]


def assess(
    net: Network, tasks: Tasks, loader: Loader, columns: list[int]
) -> dict[str, dict[str, float]]:
    """Every task's metrics over a whole split: `{task: {metric: value, "loss": value}}`.

    Args:
        net: the network of the tasks.
        tasks: the K tasks.
        loader: the split.
        columns: of its targets, those of the tasks.
    """
    evaluation = tasks.evaluation()
    net.eval()
    with torch.no_grad(), parametrize.cached():
        for x, y in loader.in_order():
            evaluation.update(net(x), y[:, columns])
    net.train()
    return evaluation.compute()


def _validation(net: Network, tasks: Tasks, loader: Loader, columns: list[int]) -> dict[str, float]:
    return {
        (f"val_loss/{task}" if name == "loss" else f"val_{name}/{task}"): value
        for task, one in assess(net, tasks, loader, columns).items()
        for name, value in one.items()
    }


def _state(net: Network, tasks: Tasks, loader: Loader) -> dict[str, float]:
    """What the method and, if small enough to draw, the features look like now."""
    found = {}
    for column, numbers in net.method.measures().items():
        for task, number in zip(tasks.names, numbers.tolist(), strict=True):
            found[column.format(task=task)] = number
    x, _ = next(iter(loader.in_order()))
    if x.shape[1:] == (2,):
        with torch.no_grad():
            z = net.backbone(x)
            views = net.method.view(z)[:, 0].tolist()
            found |= {f"feature/{i}": value for i, value in enumerate(z[0].tolist())}
            for task, view in zip(tasks.names, views, strict=True):
                found |= {f"view/{task}/{i}": value for i, value in enumerate(view)}
    return found


def fit(
    settings: dict[str, Any],
    tasks: Tasks,
    columns: list[int],
    seed: int,
    train: Loader,
    val: Loader,
    device: torch.device,
) -> tuple[int, dict[str, Tensor], pd.DataFrame]:
    """Train one network on the tasks whose targets are `columns`.

    Returns:
        The epoch whose validation losses have the smallest sum with its state, and the history.
    """
    training = settings["training"]
    net = network.build(settings, tasks, seed).to(device, memory_format=torch.channels_last)
    optimizers = Optimizers(net, settings)
    unit_loss = torch.ones(len(tasks), device=device)
    order = runtime.generator(seed, stream=0)
    best, best_epoch, best_state = float("inf"), 0, {}
    start = time.perf_counter()
    rows = [{"epoch": 0, **_validation(net, tasks, val, columns), **_state(net, tasks, val)}]
    for epoch in range(1, training["epochs"] + 1):
        losses, samples = torch.zeros(len(tasks), device=device), 0
        measured: list[dict[str, Tensor]] = []
        for batch, (x, y) in enumerate(train.shuffled(order)):
            y = y[:, columns]
            if epoch == 1 and batch == 0 and training["normalize_losses"]:
                with torch.no_grad():
                    unit_loss = tasks.losses(net(x), y).abs()
            optimizers.zero_grad()
            step, update = task_step(net, tasks, x, y, unit_loss)
            optimizers.step()
            losses += step.losses * len(x)
            samples += len(x)
            if batch % training["diagnostics_every"] == 0:
                measured.append(diagnostics.measure(step, update, tasks.names))
        optimizers.end_epoch(epoch)
        row = {"epoch": epoch, "seconds": time.perf_counter() - start}
        mean = (losses / samples).tolist()
        row |= {f"train_loss/{name}": x for name, x in zip(tasks.names, mean, strict=True)}
        numbers = torch.stack([torch.stack(list(one.values())) for one in measured])
        row |= dict(zip(measured[0], numbers.mean(0).tolist(), strict=True))
        row |= _validation(net, tasks, val, columns) | _state(net, tasks, val)
        rows.append(row)
        error = sum(row[f"val_loss/{name}"] for name in tasks.names)
        if error < best or not best_state:
            best, best_epoch = error, epoch
            best_state = {k: v.detach().cpu().clone() for k, v in net.state_dict().items()}
    return best_epoch, best_state, pd.DataFrame(rows)


def parts(settings: dict[str, Any], tasks: list[schema.Task]) -> dict[str, tuple[Tasks, list[int]]]:
    """The networks of a run: one for all tasks, or one per task where the method is `separate`.

    Returns:
        Prefix of the network's parameters in the model file -> its tasks, the columns of targets.
    """
    each = columns_of(tasks)
    if settings["method"]["separate"]:
        return {f"{t.name}.": (Tasks([t]), c) for t, c in zip(tasks, each, strict=True)}
    return {"": (Tasks(tasks), [column for chosen in each for column in chosen])}


def evaluation_batch(settings: dict[str, Any], tasks: list[schema.Task]) -> int:
    """Samples per batch where nothing is trained.

    Four times the training's, whose results are the same; for dense tasks the training's own, as
    MTAN's metrics are means per batch of that size.
    """
    return settings["training"]["batch_size"] * (1 if Tasks(tasks).dense else 4)


def run(
    settings: dict[str, Any],
    identity: dict[str, Any],
    tasks: list[schema.Task],
    train: Path,
    val: Path,
    device: torch.device,
    outputs: Outputs,
) -> None:
    """Train one run and write its files, each whole or not at all.

    Args:
        settings: `config.run_settings`.
        identity: study, experiment, method, seed, digests and the process's provenance.
        tasks: of the dataset, in order.
        train: prepared training split.
        val: prepared validation split.
        device: where to train.
        outputs: what to write; the record is written last.
    """
    start, seed = time.perf_counter(), identity["seed"]
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    training = settings["training"]
    state: dict[str, Tensor] = {}
    history, best_epochs = None, []
    batch_size, samples = training["batch_size"], training["training_samples"]
    loader = Loader(train, device, batch_size, training["augmentation"], samples)
    validation = Loader(val, device, evaluation_batch(settings, tasks))
    for prefix, (chosen, taken) in parts(settings, tasks).items():
        epoch, found, rows = fit(settings, chosen, taken, seed, loader, validation, device)
        best_epochs.append(epoch)
        state |= {prefix + key: value.contiguous() for key, value in found.items()}
        rows = rows.set_index("epoch")
        if history is None:
            history = rows
        else:
            seconds = history["seconds"] + rows["seconds"]
            history = history.drop(columns="seconds").join(rows.drop(columns="seconds"))
            history["seconds"] = seconds
    used = {"train": len(loader.targets), "val": len(validation.targets)}
    with records.atomic(outputs.model) as temporary:
        safetensors.torch.save_file(state, temporary)
    with records.atomic(outputs.history) as temporary:
        history.to_csv(temporary)
    record = identity | {
        "dataset": settings["dataset"],
        "settings": settings,
        "data": {k: loader.data[k] for k in ("label", "archives")} | {"samples": used},
        "epochs": training["epochs"],
        "best_epoch": best_epochs if len(best_epochs) > 1 else best_epochs[0],
        "seconds": time.perf_counter() - start,
        "peak_memory_mb": runtime.peak_memory_mb(device),
    }
    records.write_json(outputs.record, record)
    log.info("trained %s in %.1f s", outputs.record.parent, record["seconds"])
