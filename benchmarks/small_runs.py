"""Runs of seconds on generated numbers, each in a process of its own that may be killed.

Processes are forked from one that has imported torch: a real process, a real kill, and no seconds
of imports before it. On a GPU, which a forked process cannot use, this file is one's program:

    python benchmarks/small_runs.py EXPERIMENT METHOD DEVICE DATA FOLDER
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.numpy import save_file

from rotograd_replication.config import load as config
from rotograd_replication.config import schema
from rotograd_replication.config.settings import run_settings
from rotograd_replication.files import atomic as records
from rotograd_replication.files import sealed
from rotograd_replication.runtime import preemption
from rotograd_replication.runtime.device import make_deterministic
from rotograd_replication.training import checkpoint, evaluate, train

SAMPLES = {"train": 32, "val": 12, "test": 12}
BUDGET = {"epochs": 3, "batch_size": 8, "training_samples": None, "diagnostics_every": 2}
CONFIGS = Path(__file__).parents[1] / "configs"
# What may differ between two runs of the same numbers.
TIMES = {"seconds", "peak_memory_mb"}


def _targets(task: schema.Task, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """`[N, targets, ...]` that a task of that kind can be trained on."""
    if task.kind in ("classification", "segmentation"):
        return random.integers(max(task.outputs, 2), size=shape)
    if task.kind == "binary":
        return random.integers(2, size=shape)
    return random.random(shape) + 0.5


def write(folder: Path, name: str, dataset: schema.Dataset) -> None:
    """Prepared splits of noise in a dataset's shape, as `prepare` seals them."""
    random = np.random.Generator(np.random.PCG64(0))
    folder.mkdir(parents=True, exist_ok=True)
    pictures = len(dataset.shape) == 3
    for split, n in SAMPLES.items():
        maps = tuple(dataset.shape[1:]) if dataset.tasks[0].dense else ()
        columns = [_targets(t, (n, t.targets, *maps), random) for t in dataset.tasks]
        size = (n, *dataset.shape)
        images = (
            random.integers(256, size=size, dtype=np.uint8) if pictures else random.random(size)
        )
        data = {"dataset": name, "label": "noise", "archives": {"a": "0"}, "split": split}
        moments = [[0.5] * dataset.shape[0], [0.3] * dataset.shape[0]] if pictures else [None] * 2
        data |= {"samples": n} | dict(zip(("mean", "std"), moments, strict=True))
        tensors = {
            "images": images.astype(np.uint8 if pictures else np.float32),
            "targets": np.concatenate(columns, axis=1).astype(np.float32),
        }
        path = folder / f"{split}.safetensors"
        save_file(tensors, path, metadata=sealed.blank({"data": json.dumps(data)}))
        sealed.seal(path)


@dataclass(frozen=True)
class Run:
    """One small run of an experiment of the quick study."""

    study: schema.Study
    data: Path
    experiment: str
    method: str
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def settings(self) -> dict[str, Any]:
        """The run's settings, its budget cut down to seconds."""
        settings = run_settings(self.study, self.experiment, self.method)
        return settings | {"training": settings["training"] | BUDGET}

    @property
    def tasks(self) -> list[schema.Task]:
        """The tasks of its dataset."""
        return self.study.datasets[self.study.experiments[self.experiment].dataset].tasks

    @cached_property
    def splits(self) -> dict[str, Path]:
        """The prepared files, written when first asked for."""
        name = self.study.experiments[self.experiment].dataset
        folder = self.data / name
        if not (folder / "test.safetensors").exists():
            write(folder, name, self.study.datasets[name])
        return {split: folder / f"{split}.safetensors" for split in SAMPLES}

    def __call__(self, folder: Path, every: float) -> None:
        """Train and evaluate, resuming from `folder/checkpoint`."""
        torch.set_num_threads(1)
        settings, tasks, device = self.settings, self.tasks, self.device
        identity = {"study": "faults", "experiment": self.experiment, "method": self.method}
        outputs = [folder / name for name in ("model.safetensors", "history.csv", "run.json")]
        places = train.Outputs(*outputs)
        with preemption.catch_signals() as requests:
            saving = checkpoint.Saving(folder / "checkpoint", every, requests)
            splits = (self.splits["train"], self.splits["val"])
            train.run(settings, identity | {"seed": 0}, tasks, *splits, device, places, saving)
        out = folder / "metrics.json"
        evaluate.run(tasks, places.model, places.record, self.splits["test"], device, out)
        checkpoint.discard([saving.folder])


def result(folder: Path) -> Any:
    """What a run came to, times apart."""
    record = records.read_json(folder / "metrics.json")
    history = pd.read_csv(folder / "history.csv", dtype=str).drop(columns="seconds").to_csv()
    numbers = {key: value for key, value in record.items() if key not in TIMES}
    return numbers, history, records.sha256(folder / "model.safetensors")


def start(work: Callable[[], None], log: Path) -> int:
    """Fork a process that does some work, then ends; returns its number."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        with open(log, "a") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        work()
        code = 0
    except preemption.Preempted:
        code = preemption.EXIT_CODE
    except (OSError, ValueError) as error:
        os.write(2, f"error: {error}\n".encode())
    finally:
        os._exit(code)


def wait(process: int) -> int:
    """How a process ended: its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def kill_after(process: int, seconds: float, number: int) -> int:
    """Send a signal after so many seconds, if the process still lives; returns how it ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(process, number)
    return wait(process)


def main() -> None:
    """One run, its state saved after every batch."""
    experiment, method, device, data, folder = sys.argv[1:]
    make_deterministic(1)
    study = config.load_study(CONFIGS, "quick")
    Run(study, Path(data), experiment, method, torch.device(device))(Path(folder), every=0)


if __name__ == "__main__":
    main()
