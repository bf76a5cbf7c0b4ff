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
from ..data.loader import Loader
from ..files import atomic as records
from ..files import sealed as seals
from ..runtime import device as runtime
from ..tasks.group import Tasks, columns_of
from .checkpoint import Checkpoints, Saving, exclusive
from .trainer import Trainer

log = logging.getLogger(__name__)
# What of a process's identity may differ where a run is gone on with.
ELSEWHERE = {"device", "processor", "git_revision"}


@dataclass(frozen=True)
class Outputs:
    """The three files a run leaves: best parameters, a row per epoch, and provenance."""

    model: Path
    history: Path
    record: Path


def parts(settings: dict[str, Any], tasks: list[schema.Task]) -> dict[str, tuple[Tasks, list[int]]]:
    """The networks of a run: one for all tasks, or one per task where the method is `separate`.

    Returns:
        Prefix of the network's parameters in the model file -> its tasks, the columns of targets.
    """
    each = columns_of(tasks)
    if settings["method"]["separate"]:
        return {f"{t.name}.": (Tasks([t]), c) for t, c in zip(tasks, each, strict=True)}
    return {"": (Tasks(tasks), [column for chosen in each for column in chosen])}


def history(networks: list[list[dict[str, float]]]) -> pd.DataFrame:
    """The rows of a run's networks side by side, their seconds added up and put last."""
    frames = [pd.DataFrame(rows or [{"epoch": 0}]).set_index("epoch") for rows in networks]
    if len(frames) == 1:
        return frames[0]
    seconds = [frame.reindex(columns=["seconds"])["seconds"] for frame in frames]
    joined = pd.concat([frame.drop(columns="seconds", errors="ignore") for frame in frames], axis=1)
    return joined.assign(seconds=sum(seconds[1:], seconds[0]))


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
    saving: Saving | None = None,
) -> None:
    """Train one run and write its files, each whole or not at all.

    Args:
        settings: `load.run_settings`.
        identity: study, experiment, method, seed, digests and the process's provenance.
        tasks: of the dataset, in order.
        train: prepared training split.
        val: prepared validation split.
        device: where to train.
        outputs: what to write; the record is written last.
        saving: where the run's state is saved on the way; None to save nothing.

    Raises:
        Preempted: the process was asked to end; the state is saved.
        ValueError: a prepared split is not as it was written.
        BlockingIOError: another process trains this run.
    """
    start, seed = time.perf_counter(), identity["seed"]
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    training = settings["training"]
    runtime.set_precision(training["precision"])
    batch_size, samples = training["batch_size"], training["training_samples"]
    loader = Loader(train, device, batch_size, training["augmentation"], samples)
    validation = Loader(val, device, evaluation_batch(settings, tasks))
    sums = {"train": loader.sha256, "val": validation.sha256}
    key = {k: v for k, v in identity.items() if k not in ELSEWHERE}
    key |= {"data": sums, "settings": records.digest(settings)}
    trainers: dict[str, Trainer] = {}
    devices: dict[str, None] = {}
    with exclusive(saving):
        for prefix, (chosen, taken) in parts(settings, tasks).items():
            one = Trainer(settings, chosen, taken, seed, loader, validation, device)
            where = identity.get("device", str(device))
            saved = Checkpoints(saving, prefix.removesuffix(".") or "network", key, where)
            one.run(saved)
            trainers[prefix] = one
            devices |= dict.fromkeys(saved.devices)
            if one.diverged:
                break
    state = {
        prefix + name: value.contiguous()
        for prefix, one in trainers.items()
        for name, value in (one.best_state or one.net.state_dict()).items()
    }
    best_epochs = [one.best_epoch for one in trainers.values()]
    used = {"train": len(loader.targets), "val": len(validation.targets)}
    with records.atomic(outputs.model) as temporary:
        safetensors.torch.save_file(state, temporary, seals.blank())
        model = seals.seal(temporary)
    with records.atomic(outputs.history) as temporary:
        history([one.rows for one in trainers.values()]).to_csv(temporary)
    earlier = sum(one.earlier for one in trainers.values())
    record = identity | {
        "dataset": settings["dataset"],
        "settings": settings,
        "data": {k: loader.data[k] for k in ("label", "archives")}
        | {"samples": used}
        | {"prepared": sums},
        "model": model,
        "device": " and ".join(devices),
        "epochs": training["epochs"],
        "best_epoch": best_epochs if len(best_epochs) > 1 else best_epochs[0],
        "diverged": next((one.diverged for one in trainers.values() if one.diverged), None),
        "seconds": earlier + time.perf_counter() - start,
        "peak_memory_mb": runtime.peak_memory_mb(device),
    }
    records.write_json(outputs.record, record)
    log.info("trained %s in %.1f s", outputs.record.parent, record["seconds"])
