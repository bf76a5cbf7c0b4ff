"""What must hold on a device before its numbers count: the first phase of `on_gpu.py`.

- `step/...`: one training step gives on the device what it gives on the CPU, in float32, for every
  method and network of study quick, and for those of the paper's size that `WHOLE` names.
- `waits/...`: a step, its batch and its measurements make the host wait for the device nowhere.
- `seed/...`: two runs with one seed are equal. `killed/...`: so is one that was killed and resumed.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import gpu_rows
import small_runs
import torch
from contenders import away, batch_of
from torch import Tensor

from rotograd_replication.config import load as config
from rotograd_replication.config import schema
from rotograd_replication.config.settings import run_settings
from rotograd_replication.data.loader import Loader
from rotograd_replication.models import network
from rotograd_replication.tasks.group import Tasks, take
from rotograd_replication.training.run_networks import networks_of_run
from rotograd_replication.training.step import task_step
from rotograd_replication.training.trainer import Trainer

CPU = torch.device("cpu")
QUICK = config.load_study(small_runs.CONFIGS, "quick")
PAPER = config.load_study(small_runs.CONFIGS, "paper")
# Experiments of study quick whose networks or tasks differ.
NETWORKS = ("digits", "cifar10", "celeba_conv", "nyuv2", "toy_nonconvex")
# Steps of the paper's size.
WHOLE = (("cifar10", "vanilla"), ("cifar10", "rotograd"), ("digits", "rotograd"))
# The largest ||device - CPU|| / ||CPU|| of each part of a step: a few times what float32 itself
# costs. Against float64 on a CPU these steps differ by at most 1.3e-6, 4.8e-4, 9.7e-3, 2.7e-5 and
# 3.0e-4.
BOUNDS = {"losses": 1e-5, "update": 2e-3, "backbone": 3e-2, "heads": 2e-4, "method": 2e-3}
# Runs trained twice.
RUNS = (
    ("digits", "rotograd"),
    ("cifar10", "vanilla"),
    ("cifar10", "rotograd"),
    ("cifar10", "pcgrad"),
    ("nyuv2", "rotograd_subspace"),
    ("celeba_conv", "graddrop"),
)


def methods(study: schema.Study, experiment: str) -> list[str]:
    """An experiment's methods that train one network for all tasks."""
    return [m for m, one in study.experiments[experiment].methods.items() if not one.separate]


def gradients(
    study: schema.Study,
    experiment: str,
    method: str,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> dict[str, list[Tensor]]:
    """What one step gives: losses, the update at z, gradients of backbone, heads and method.

    Built and drawn on the CPU: every device has the same network and batch. Static rotations are
    moved from their start, where the exponential is trivial.
    """
    settings = run_settings(study, experiment, method)
    data = study.datasets[settings["dataset"]]
    tasks = Tasks(data.tasks)
    net = network.build(settings, tasks, 0)
    torch.manual_seed(0)
    x, y = batch_of(data, min(settings["training"]["batch_size"], 32), CPU)
    if chosen := settings["method"]["parameters"].get("parametrisation"):
        away(chosen, net.method.rotations.parameters())
    net.to(device, dtype, memory_format=torch.channels_last)
    x, y = x.to(device, dtype), y.to(device, dtype)
    initial_losses = torch.ones(len(tasks), device=device, dtype=dtype)
    step, update = task_step(net, tasks, x, y, initial_losses)
    parts = {
        name: list(getattr(net, name).parameters()) for name in ("backbone", "heads", "method")
    }
    moved = {name: [p.grad for p in part if p.grad is not None] for name, part in parts.items()}
    return {"losses": [step.losses], "update": [update], **moved}


def difference(one: list[Tensor], other: list[Tensor]) -> float:
    """`||one - other|| / ||other||` over all tensors of a part; 0 for a part that has none."""
    if not other:
        return 0.0
    flat, reference = (
        torch.cat([t.double().cpu().flatten() for t in part]) for part in (one, other)
    )
    length = torch.linalg.vector_norm(reference)
    return float(torch.linalg.vector_norm(flat - reference) / length.clamp_min(1e-300))


def agrees(study: schema.Study, experiment: str, method: str, device: torch.device) -> gpu_rows.Row:
    """One step on the device next to the same on the CPU."""
    here, there = (gradients(study, experiment, method, where) for where in (device, CPU))
    found = {part: difference(here[part], there[part]) for part in BOUNDS}
    return {"ok": all(found[part] <= bound for part, bound in BOUNDS.items()), **found}


def waits(experiment: str, method: str, device: torch.device, folder: Path) -> gpu_rows.Row:
    """Three batches of an epoch, after a first one, with waiting made an error."""
    run = small_runs.Run(QUICK, folder, experiment, method, device)
    settings = run.settings
    (tasks, columns), *_ = networks_of_run(settings, run.tasks).values()
    loaders = [
        Loader(run.splits[split], device, settings["training"]["batch_size"], augmentation)
        for split, augmentation in (("train", settings["training"]["augmentation"]), ("val", ()))
    ]
    trainer = Trainer(settings, tasks, columns, 0, *loaders, device)
    batches = trainer.train.batches(trainer.train.permutation(trainer.generator), trainer.generator)
    x, y = next(batches)
    trainer._step(x, take(y, columns, 1))
    with no_waiting(device):
        for x, y in batches:
            trainer._step(x, take(y, columns, 1))
    return {"ok": True} if device.type == "cuda" else {"note": "only CUDA tells who waits"}


@contextlib.contextmanager
def no_waiting(device: torch.device) -> Iterator[None]:
    """Make every wait of the host for a CUDA device an error inside the block."""
    if device.type != "cuda":
        yield
        return
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def same_seed(experiment: str, method: str, device: torch.device, folder: Path) -> gpu_rows.Row:
    """Two runs with one seed."""
    run = small_runs.Run(QUICK, folder, experiment, method, device)
    results = []
    with tempfile.TemporaryDirectory(dir=folder) as name:
        for i in range(2):
            run(Path(name) / str(i), every=3600)
            results.append(small_runs.result(Path(name) / str(i)))
    return {"ok": results[0] == results[1]}


def killed(experiment: str, method: str, device: torch.device, folder: Path) -> gpu_rows.Row:
    """A run killed as soon as it has saved a state, and resumed, next to one left alone."""
    run = small_runs.Run(QUICK, folder, experiment, method, device)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        whole, broken = Path(name) / "whole", Path(name) / "broken"
        run(whole, every=3600)
        words = [sys.executable, small_runs.__file__, experiment, method, device, folder, broken]
        process = subprocess.Popen([str(word) for word in words])
        saved = broken / "checkpoint"
        while process.poll() is None and len(list(saved.rglob("step*.safetensors"))) < 2:
            time.sleep(0.001)
        was_running = process.poll() is None
        process.kill()
        process.wait()
        run(broken, every=3600)
        equal = small_runs.result(whole) == small_runs.result(broken)
    return {"ok": equal and was_running, "killed_while_running": was_running}


def items(arguments: argparse.Namespace, device: torch.device) -> Iterator[gpu_rows.Item]:
    """Every check by its name; what decides about training first."""
    folder = arguments.rows.parent / "noise"
    folder.mkdir(parents=True, exist_ok=True)
    for experiment, method in RUNS:
        yield f"seed/{experiment}/{method}", partial(same_seed, experiment, method, device, folder)
    yield "killed/cifar10/rotograd", partial(killed, "cifar10", "rotograd", device, folder)
    every = [(name, method) for name in NETWORKS for method in methods(QUICK, name)]
    for experiment, method in every:
        yield f"step/{experiment}/{method}", partial(agrees, QUICK, experiment, method, device)
    for experiment, method in every:
        yield f"waits/{experiment}/{method}", partial(waits, experiment, method, device, folder)
    for experiment, method in WHOLE:
        name = f"step/paper/{experiment}/{method}"
        yield name, partial(agrees, PAPER, experiment, method, device)


if __name__ == "__main__":
    gpu_rows.main("checks", items)
