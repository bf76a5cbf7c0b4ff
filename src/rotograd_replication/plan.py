"""What a study would cost here: runs, epochs, disk, and hours from steps measured on this device.

Each network is built as a run builds it and takes a few steps on made-up batches of the data's
shape; the hours are those seconds times the steps and evaluations that the study asks for. Starting
a process, reading the data and recording are left out.
"""

import logging
import math
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
import tqdm

from . import config, network, schema, train
from .tasks import Tasks

log = logging.getLogger(__name__)
GIGABYTE = 1e9


def run(study: schema.Study, study_name: str, device: torch.device, seconds: float) -> pd.DataFrame:
    """Log and return the plan: a row per experiment, and their sum.

    Args:
        study: the configuration.
        study_name: its name.
        device: where steps are measured, one run at a time.
        seconds: how long each network is measured, after one step of warming up.

    Returns:
        Per experiment: runs, epochs, steps and hours of all runs together.
    """
    jobs = [(e, m) for e, experiment in study.experiments.items() for m in experiment.methods]
    hours = {
        job: estimate(study, *job, device, seconds) / 3600
        for job in tqdm.tqdm(jobs, desc="measuring", unit="method", disable=None)
    }
    rows = []
    for name, experiment in study.experiments.items():
        seeds, training = experiment.seeds.value, experiment.training
        runs = len(experiment.methods) * seeds
        mine = {method: hours[name, method] for method in experiment.methods}
        rows.append(
            {
                "experiment": name,
                "data": study.datasets[experiment.dataset].label,
                "runs": runs,
                "epochs each": training.epochs.value,
                "steps each": training.epochs.value * _steps(study, name)["train"],
                "hours": sum(mine.values()) * seeds,
                "slowest method": max(mine, key=mine.__getitem__),
                "its hours a run": max(mine.values()),
            }
        )
    table = pd.DataFrame(rows)
    disk = pd.DataFrame(
        {"data": d.label, "archives, GB": archives(d), "prepared, GB": prepared(d)}
        for d in study.datasets.values()
    )
    log.info("%s\n", table.to_markdown(index=False, floatfmt=".2g"))
    log.info("%s\n", disk.to_markdown(index=False, floatfmt=".2g", missingval="not published"))
    log.info(
        "%s: %d runs, %.2g hours one after another on %s (%d threads; %.1f s measured per method)",
        study_name,
        table["runs"].sum(),
        table["hours"].sum(),
        device,
        torch.get_num_threads(),
        seconds,
    )
    return table


def _steps(study: schema.Study, experiment: str) -> dict[str, int]:
    """Batches of one pass over each split; validation and test in their own batch size."""
    chosen = study.experiments[experiment]
    data, training = study.datasets[chosen.dataset], chosen.training
    used = training.training_samples.value or data.samples.train
    large = train.evaluation_batch(config.values(chosen), data.tasks)
    return {
        "train": math.ceil(used / training.batch_size.value),
        "val": math.ceil(data.samples.val / large),
        "test": math.ceil(data.samples.test / large),
    }


def estimate(
    study: schema.Study, experiment: str, method: str, device: torch.device, seconds: float
) -> float:
    """Seconds of one run, from measured steps; single-task networks are measured one by one."""
    settings = config.run_settings(study, experiment, method)
    data = study.datasets[study.experiments[experiment].dataset]
    steps = _steps(study, experiment)
    evaluations = (settings["training"]["epochs"] + 1) * steps["val"] + steps["test"]
    total = 0.0
    for tasks, columns in train.parts(settings, data.tasks).values():
        step, evaluation = measure(settings, tasks, len(columns), data.shape, device, seconds)
        total += settings["training"]["epochs"] * steps["train"] * step + evaluations * evaluation
    return total


def measure(
    settings: dict[str, Any],
    tasks: Tasks,
    columns: int,
    shape: list[int],
    device: torch.device,
    seconds: float,
) -> tuple[float, float]:
    """Seconds of one training step and of one evaluated batch, each a mean over repetitions."""
    net = network.build(settings, tasks, seed=0).to(device, memory_format=torch.channels_last)
    optimizers = train.Optimizers(net, settings)
    unit_loss = torch.ones(len(tasks), device=device)

    def batch(samples: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(samples, *shape, device=device)
        x = x.to(memory_format=torch.channels_last) if x.dim() == 4 else x
        return x, torch.ones(samples, columns, *(shape[1:] if tasks.dense else ()), device=device)

    x, y = batch(settings["training"]["batch_size"])

    def step() -> None:
        optimizers.zero_grad()
        train.task_step(net, tasks, x, y, unit_loss)
        optimizers.step()

    trained = _time(step, device, seconds)
    x, y = batch(train.evaluation_batch(settings, tasks.tasks))
    net.eval()
    with torch.no_grad():
        evaluated = _time(lambda: tasks.metrics(net(x), y), device, seconds / 4)
    return trained, evaluated


def _time(work: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Mean seconds of `work` over as many repetitions as fit, at least one, after one untimed."""

    def once() -> None:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    once()
    start, count = time.perf_counter(), 0
    while not count or time.perf_counter() - start < seconds:
        once()
        count += 1
    return (time.perf_counter() - start) / count


def archives(data: schema.Dataset) -> float | None:
    """Gigabytes of the original archives; None where a size is not published."""
    sizes = [archive.bytes for archive in data.archives]
    return None if None in sizes else sum(size or 0 for size in sizes) / GIGABYTE


def prepared(data: schema.Dataset) -> float:
    """Gigabytes of the prepared splits: images as bytes, maps as float16, the rest as float32."""
    samples = data.samples.train + data.samples.val + data.samples.test
    images = math.prod(data.shape) * (1 if len(data.shape) == 3 else 4)
    columns = sum(task.targets for task in data.tasks)
    dense = data.tasks[0].dense
    targets = columns * (2 * math.prod(data.shape[1:]) if dense else 4)
    return samples * (images + targets) / GIGABYTE
