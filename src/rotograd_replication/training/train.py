"""Train one run: a method, an experiment and a seed; keep the parameters of best validation."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import safetensors.torch
import torch

from ..config import schema
from ..config.run_settings import RunSettings
from ..data.loader import Loader
from ..files import sealed
from ..files.atomic import atomic, digest, write_json
from ..runtime.device import set_precision
from ..runtime.provenance import peak_memory_mb
from .checkpoint import Checkpoints, Saving
from .lock import exclusive
from .run_networks import evaluation_batch, networks_of_run
from .trainer import Trainer

log = logging.getLogger(__name__)
# What of a process's identity may differ where a run resumes.
ELSEWHERE = {"device", "processor", "git_revision"}


@dataclass(frozen=True)
class Outputs:
    """The three files of a run: best parameters, a row per epoch, and provenance."""

    model: Path
    history: Path
    record: Path


def history(networks: list[list[dict[str, float]]]) -> pd.DataFrame:
    """Join the rows of a run's networks side by side; their seconds are added up and put last."""
    frames = [pd.DataFrame(rows or [{"epoch": 0}]).set_index("epoch") for rows in networks]
    if len(frames) == 1:
        return frames[0]
    seconds = [frame.reindex(columns=["seconds"])["seconds"] for frame in frames]
    joined = pd.concat([frame.drop(columns="seconds", errors="ignore") for frame in frames], axis=1)
    return joined.assign(seconds=sum(seconds[1:], seconds[0]))


def run(
    settings: RunSettings,
    identity: dict[str, Any],
    tasks: list[schema.Task],
    train: Path,
    val: Path,
    device: torch.device,
    outputs: Outputs,
    saving: Saving | None = None,
) -> float:
    """Train one run and write its files, each whole or not at all.

    Args:
        settings: As `config.settings.run_settings` gives them.
        identity: Study, experiment, method, seed, digests and the process's provenance.
        tasks: The dataset's, in order.
        train: The prepared training split.
        val: The prepared validation split.
        device: The device to train on.
        outputs: The files to write; the record is written last.
        saving: Where the run's state is saved on the way; None to save nothing.

    Returns:
        The validation error of the kept parameters, added up over the run's networks.

    Raises:
        Preempted: The process was asked to end; the state is saved.
        ValueError: A prepared split is not as it was written.
        BlockingIOError: Another process trains this run.
    """
    start, seed = time.perf_counter(), identity["seed"]
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    training = settings["training"]
    set_precision(training["precision"])
    batch_size, samples = training["batch_size"], training["training_samples"]
    loader = Loader(train, device, batch_size, training["augmentation"], samples)
    validation = Loader(val, device, evaluation_batch(settings, tasks))
    checksums = {"train": loader.sha256, "val": validation.sha256}
    key = {k: v for k, v in identity.items() if k not in ELSEWHERE}
    key |= {"data": checksums, "settings": digest(settings)}
    trainers: dict[str, Trainer] = {}
    devices: dict[str, None] = {}
    with exclusive(saving):
        for prefix, (own_tasks, columns) in networks_of_run(settings, tasks).items():
            trainer = Trainer(settings, own_tasks, columns, seed, loader, validation, device)
            device_name = identity.get("device", str(device))
            name = prefix.removesuffix(".") or "network"
            checkpoints = Checkpoints(saving, name, key, device_name)
            trainer.run(checkpoints)
            trainers[prefix] = trainer
            devices |= dict.fromkeys(checkpoints.devices)
            if trainer.diverged:
                break
    state = {
        prefix + name: value.contiguous()
        for prefix, trainer in trainers.items()
        for name, value in (trainer.best_state or trainer.net.state_dict()).items()
    }
    best_epochs = [trainer.best_epoch for trainer in trainers.values()]
    used = {"train": len(loader.targets), "val": len(validation.targets)}
    with atomic(outputs.model) as temporary:
        safetensors.torch.save_file(state, temporary, sealed.blank())
        model = sealed.seal(temporary)
    with atomic(outputs.history) as temporary:
        history([trainer.rows for trainer in trainers.values()]).to_csv(temporary)
    earlier = sum(trainer.earlier for trainer in trainers.values())
    record = identity | {
        "dataset": settings["dataset"],
        "settings": settings,
        "data": {k: loader.data[k] for k in ("label", "archives")}
        | {"samples": used}
        | {"prepared": checksums},
        "model": model,
        "device": " and ".join(devices),
        "epochs": training["epochs"],
        "best_epoch": best_epochs if len(best_epochs) > 1 else best_epochs[0],
        "diverged": next((t.diverged for t in trainers.values() if t.diverged), None),
        "seconds": earlier + time.perf_counter() - start,
        "peak_memory_mb": peak_memory_mb(device),
    }
    write_json(outputs.record, record)
    log.info("trained %s in %.1f s", outputs.record.parent, record["seconds"])
    return sum(trainer.best for trainer in trainers.values())
