"""What a study would cost here: runs, epochs, disk, and hours from steps measured on this device.

The hours are measured seconds (`timing`) times the steps and evaluations that the study asks
for. Starting a process, reading the data and recording are left out. While a dataset is prepared it
may take its room on the disk twice.
"""

import logging
import math
from typing import Any

import pandas as pd
import torch
import tqdm

from .. import plugins
from ..config import schema, tuning
from ..config.settings import run_settings, values
from ..runtime import provenance
from ..training import run_networks
from .timing import Calibration

log = logging.getLogger(__name__)
GIGABYTE = 1e9
# A run under way keeps two states and writes a third, each with the network, two moments of its
# optimisers and the best parameters.
STATES, MODELS_A_STATE = 3, 4


def run(study: schema.Study, study_name: str, calibration: Calibration) -> pd.DataFrame:
    """Log and return the plan: a row per experiment, and their sum.

    Args:
        study: the configuration.
        study_name: its name.
        calibration: where steps are measured, one run at a time, and for how long.

    Returns:
        Per experiment: runs, those of tuning, epochs, steps, gigabytes of models and hours of all
        runs together.
    """
    costs = {}
    jobs = [(e, m) for e, experiment in study.experiments.items() for m in experiment.methods]
    with tqdm.tqdm(jobs, unit="method", disable=None) as bar:
        for job in bar:
            bar.set_description("/".join(job))
            costs[job] = estimate(study, *job, calibration)
    table = pd.DataFrame([_row(study, name, costs) for name in study.experiments])
    disk = pd.DataFrame(
        {"data": d.label, "archives, GB": archives(d), "prepared, GB": prepared(d)}
        for d in study.datasets.values()
    )
    log.info("%s\n", table.to_markdown(index=False, floatfmt=".2g"))
    log.info("%s\n", disk.to_markdown(index=False, floatfmt=".2g", missingval="not published"))
    log.info(
        "%s: %d runs, %.2g hours one after another; disk: archives %.3g GB%s, prepared %.3g GB, "
        "models %.3g GB, and up to %.3g GB of checkpoints for each run under way. Measured on %s "
        "(%d threads), %d different networks, %.1f s each or one step.",
        study_name,
        table["runs"].sum(),
        table["hours"].sum(),
        disk["archives, GB"].sum(),
        " where published" * bool(disk["archives, GB"].isna().any()),
        disk["prepared, GB"].sum(),
        table["models, GB"].sum(),
        STATES * MODELS_A_STATE * max(size for _, size in costs.values()) / GIGABYTE,
        provenance.hardware(calibration.device),
        torch.get_num_threads(),
        len(calibration.costs),
        calibration.seconds,
    )
    return table


def only(study: schema.Study, experiment: str) -> schema.Study:
    """Reduce the study to one of its experiments and its data.

    Raises:
        ValueError: it has no such experiment.
    """
    if experiment not in study.experiments:
        hint = plugins.nearest(experiment, list(study.experiments))
        raise ValueError(f"`{experiment}` is no experiment of this study. {hint}")
    chosen = study.experiments[experiment]
    data = {chosen.dataset: study.datasets[chosen.dataset]}
    return study.model_copy(update={"experiments": {experiment: chosen}, "datasets": data})


def _row(
    study: schema.Study, name: str, costs: dict[tuple[str, str], tuple[float, int]]
) -> dict[str, Any]:
    """Compute what an experiment costs, from the seconds and bytes of each method's run."""
    experiment = study.experiments[name]
    seeds, training = experiment.seeds.value, experiment.training
    hours = {method: costs[name, method][0] / 3600 for method in experiment.methods}
    models = sum(costs[name, method][1] for method in experiment.methods) / GIGABYTE
    trials = _trials(experiment)
    share = experiment.tuning.epochs.value / training.epochs.value if experiment.tuning else 0.0
    tuned = sum(share * hours[method] * count for method, count in trials.items())
    return {
        "experiment": name,
        "data": study.datasets[experiment.dataset].label,
        "runs": len(experiment.methods) * seeds,
        "tuning runs": sum(trials.values()),
        "epochs each": training.epochs.value,
        "steps each": training.epochs.value * _steps(study, name)["train"],
        "models, GB": models * seeds,
        "hours": sum(hours.values()) * seeds + tuned,
        "slowest method": max(hours, key=hours.__getitem__),
        "its hours a run": max(hours.values()),
    }


def _trials(experiment: schema.Experiment) -> dict[str, int]:
    """How many runs of tuning each tuned method has."""
    seeds = experiment.tuning.seeds.value if experiment.tuning else 0
    grids = {method: tuning.candidates(experiment, method) for method in experiment.methods}
    return {m: len(candidates) * seeds for m, candidates in grids.items() if experiment.grid(m)}


def _steps(study: schema.Study, experiment: str) -> dict[str, int]:
    """Batches of one pass over each split; validation and test in their own batch size."""
    chosen = study.experiments[experiment]
    data, training = study.datasets[chosen.dataset], chosen.training
    used = training.training_samples.value or data.samples.train
    large = run_networks.evaluation_batch(values(chosen), data.tasks)
    return {
        "train": math.ceil(used / training.batch_size.value),
        "val": math.ceil(data.samples.val / large),
        "test": math.ceil(data.samples.test / large),
    }


def estimate(
    study: schema.Study, experiment: str, method: str, calibration: Calibration
) -> tuple[float, int]:
    """Seconds of one run and bytes of its model, of all its networks together."""
    settings = run_settings(study, experiment, method)
    data = study.datasets[study.experiments[experiment].dataset]
    steps = _steps(study, experiment)
    trained = settings["training"]["epochs"] * steps["train"]
    evaluated = (settings["training"]["epochs"] + 1) * steps["val"] + steps["test"]
    seconds, size = 0.0, 0
    for tasks, columns in run_networks.networks_of_run(settings, data.tasks).values():
        cost = calibration.cost(settings, tasks, len(columns), data.shape)
        seconds += trained * cost.step + evaluated * cost.evaluation
        size += cost.bytes
    return seconds, size


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
