"""Fake but plausible run files, as the training half writes them, for any study."""

import csv
import json
import zlib
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np

from rotograd_replication.config import tuning
from rotograd_replication.config.choice import Candidate, Choice
from rotograd_replication.config.load import load_datasets, load_study
from rotograd_replication.config.settings import run_digest, run_settings
from rotograd_replication.results import aggregate, quantities, tidy

CONFIGS = Path(__file__).parents[2] / "configs"


def paper():
    """The paper's quantities and numbers."""
    known = quantities.load(CONFIGS)
    reported = CONFIGS / "paper" / "reported.csv"
    return quantities.read_paper(known.quantities, known.experiments, reported)


@dataclass
class Files:
    """The paths of an experiment's runs and of what `aggregate` makes of them."""

    metrics: list[Path]
    histories: list[Path]
    table: Path
    history: Path
    provenance: Path
    choices: list[Choice]

    def aggregate(self, study, name, experiment, datasets, same=None):
        outputs = (self.table, self.history, self.provenance)
        inputs = (self.metrics, self.histories)
        aggregate.run(
            study, name, experiment, datasets, *inputs, *outputs, same or {}, self.choices
        )
        return tidy.read(*outputs)


@cache
def configuration(name="quick"):
    """A study and all datasets, read once: tests copy what they change."""
    return load_study(CONFIGS, name), load_datasets(CONFIGS)


def write(folder, study, name, experiment, datasets, epochs=3, seeds=None):
    """Write the runs of one experiment below `folder`."""
    chosen = study.experiments[experiment]
    dataset = datasets[chosen.dataset]
    outputs = (folder / f"{experiment}{end}" for end in (".csv", "_history.csv", ".json"))
    files = Files([], [], *outputs, [])
    for method in chosen.methods:
        choice = _tuning(folder, study, name, experiment, method) if chosen.grid(method) else None
        files.choices += [choice] if choice else []
        digest = run_digest(study, experiment, method)
        for seed in range(seeds or chosen.seeds.value):
            random = np.random.default_rng(zlib.crc32(f"{experiment} {method} {seed}".encode()))
            place = folder / experiment / method / f"seed{seed}"
            place.mkdir(parents=True)
            record = {
                "study": name,
                "experiment": experiment,
                "method": method,
                "seed": seed,
                "dataset": chosen.dataset,
                "settings": run_settings(study, experiment, method),
                "configuration": digest,
                "code": "0123456789abcdef",
                "data": {
                    "label": dataset.label,
                    "archives": {"train.gz": "a" * 64},
                    "samples": {"train": 4000, "val": 500, "test": 1000},
                    "prepared": {s: "c" * 64 for s in ("train", "val", "test")},
                },
                "epochs": epochs,
                "best_epoch": epochs,
                "diverged": None,
                "model": "e" * 64,
                "seconds": 12.5 + seed,
                "peak_memory_mb": 100,
                "device": "Test CPU, 2 cores",
                "threads": 1,
                "git_revision": "abc1234",
                "versions": {"torch": "2.13.0"},
                "metrics": {task.name: _metrics(task, random) for task in dataset.tasks},
            }
            record |= {"tuned": choice.said} if choice else {}
            (place / "metrics.json").write_text(json.dumps(record))
            _history(place / "history.csv", chosen, method, dataset.tasks, epochs, random)
            files.metrics.append(place / "metrics.json")
            files.histories.append(place / "history.csv")
    return files


def _tuning(folder, study, name, experiment, method):
    """A grid of which the second candidate is best and the last, of three or more, diverged."""
    content = study.experiments[experiment]
    values = tuning.candidates(content, method)
    seeds = content.tuning.seeds.value
    candidates = [
        Candidate(
            values=value,
            errors=[1.0 + abs(i - 1)] * seeds,
            diverged="the loss of a task is nan, seed 0, epoch 1" if i > 1 else None,
            epochs=seeds,
        )
        for i, value in enumerate(values)
    ]
    choice = Choice(
        study=name,
        experiment=experiment,
        method=method,
        configuration=tuning.digest(study, experiment, method),
        code="0123456789abcdef",
        data={s: "c" * 64 for s in ("train", "val")},
        selection=content.training.selection.value,
        epochs=content.tuning.epochs.value,
        seeds=seeds,
        seconds=3.5,
        process={"device": "Test CPU, 2 cores"},
        candidates=candidates,
    )
    path = folder / experiment / "tuning" / f"{method}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(choice.model_dump_json())
    return choice


def _metrics(task, random):
    found = {
        metric: (0.8 if higher else 0.5) + 0.05 * random.normal()
        for metric, higher in task.all_metrics.items()
    }
    return found | {"loss": 0.4 + 0.05 * random.random()}


def _history(path, experiment, method, tasks, epochs, random):
    names = [task.name for task in tasks]
    together = not experiment.methods[method].separate
    toy = experiment.network.features.value == 2
    rows = []
    goal = random.normal(size=2)
    for epoch in range(epochs + 1):
        t = epoch / epochs
        row = {"epoch": epoch, "seconds": 2.0 * epoch}
        for task in tasks:
            row[f"train_loss/{task.name}"] = np.exp(-2 * t) + 0.1 * random.random()
            row[f"val_loss/{task.name}"] = np.exp(-1.5 * t) + 0.2 * random.random()
            for metric in task.all_metrics:
                row[f"val_{metric}/{task.name}"] = 0.5 + 0.3 * t
        if together and epoch:
            for name in names:
                row[f"update_cosine_before/{name}"] = 0.3 + 0.1 * random.normal()
                row[f"update_cosine_after/{name}"] = 0.4 + 0.2 * t + 0.1 * random.normal()
            for a, b in combinations(names, 2):
                row[f"cosine/{a}/{b}"] = 0.2 * random.normal()
        if "parametrisation" in experiment.methods[method].parameters:
            row |= {f"rotation_angle/{name}": 2.5 * t for name in names}
        if toy:
            row |= _plane(tasks, goal, t, rotates="rotograd" in method)
        rows.append(row)
    header = list(dict.fromkeys(column for row in rows for column in row))
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows(rows)


def _plane(tasks, goal, t, rotates):
    """z goes straight to `goal`; R_k turns it towards the optimum of its task."""
    z = np.array([2.0, -1.0]) * (1 - t) + goal * t
    row = {"feature/0": z[0], "feature/1": z[1]}
    for task in tasks:
        optimum = np.full(2, task.shift)
        turn = np.arctan2(*optimum[::-1]) - np.arctan2(*goal[::-1])
        angle = t * turn if rotates else 0.0
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        view = rotation @ z
        row |= {f"view/{task.name}/{i}": view[i] for i in range(2)}
        if rotates:
            entries = [(i, j) for i in range(2) for j in range(2)]
            row |= {f"rotation/{task.name}/{i}/{j}": rotation[i, j] for i, j in entries}
    return row
