"""Measure a finished run on the test split; nothing else reads it."""

import logging
from pathlib import Path

import safetensors.torch
import torch

from . import network, records, schema
from .loader import Loader
from .train import assess, evaluation_batch, parts

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

    Raises:
        ValueError: the test split was prepared from other archives than the run was trained on.
    """
    content = records.read_json(record)
    settings = content["settings"]
    loader = Loader(test, device, evaluation_batch(settings, tasks))
    if loader.data["archives"] != content["data"]["archives"]:
        raise ValueError(
            f"`{test}` must come from the archives that `{record}` was trained on. Found others. "
            "Rerun the training: delete that file."
        )
    state = safetensors.torch.load_file(model)
    metrics = {}
    for prefix, (chosen, columns) in parts(settings, tasks).items():
        net = network.build(settings, chosen, content["seed"])
        net.load_state_dict(
            {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        )
        net.to(device, memory_format=torch.channels_last)
        metrics |= assess(net, chosen, loader, columns)
    content["data"]["samples"]["test"] = len(loader.targets)
    records.write_json(out, content | {"metrics": metrics})
    log.info("evaluated %s", out)
