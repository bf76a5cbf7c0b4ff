"""Measure a finished run on the test split; nothing else reads it."""

import logging
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from ..config import schema
from ..data.loader import Loader
from ..files import sealed
from ..files.atomic import read_json, write_json
from ..models import network
from ..runtime.device import set_precision
from .run_networks import evaluation_batch, networks_of_run
from .validation import NotFinite, evaluate_split

log = logging.getLogger(__name__)


def run(
    tasks: list[schema.Task],
    model: Path,
    record: Path,
    test: Path,
    device: torch.device,
    out: Path,
) -> None:
    """Write a run's `metrics.json`: its record, and every task's metrics on the test split.

    A run that diverged has `"metrics": null`, and under `diverged` what happened.

    Raises:
        ValueError: The test split was prepared from other archives than the run was trained on, or
            the parameters are not those that the run wrote.
    """
    content = read_json(record)
    settings = content["settings"]
    set_precision(settings["training"]["precision"])
    loader = Loader(test, device, evaluation_batch(settings, tasks))
    remedy = "Rerun the training: delete that file."
    if loader.data["archives"] != content["data"]["archives"]:
        raise ValueError(
            f"`{test}` must come from the archives that `{record}` was trained on. Found others. "
            f"{remedy}"
        )
    sha256 = sealed.check(model, remedy)
    if sha256 != content["model"]:
        raise ValueError(
            f"`{model}` must be what `{record}` records, sha256 {content['model']}. "
            f"Found {sha256}. {remedy}"
        )
    content["data"]["samples"]["test"] = len(loader.targets)
    content["data"]["prepared"]["test"] = loader.sha256
    metrics = None
    if content["diverged"] is None:
        try:
            metrics = _metrics(content, tasks, model, loader, device)
        except NotFinite as error:
            content["diverged"] = {
                "epoch": content["best_epoch"],
                "what": f"{error} on the test split",
            }
    write_json(out, content | {"metrics": metrics})
    log.info("evaluated %s", out)


def _metrics(
    content: dict[str, Any],
    tasks: list[schema.Task],
    model: Path,
    loader: Loader,
    device: torch.device,
) -> dict[str, dict[str, float]]:
    """Compute every task's metrics on a split, with the run's parameters."""
    settings, state = content["settings"], safetensors.torch.load_file(model)
    batch = settings["training"]["batch_size"]
    metrics: dict[str, dict[str, float]] = {}
    for prefix, (own_tasks, columns) in networks_of_run(settings, tasks).items():
        net = network.build(settings, own_tasks, content["seed"])
        net.load_state_dict(
            {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        )
        metrics |= evaluate_split(net.on(device), own_tasks, loader, columns, batch)
    return metrics
