"""Choose a method's own hyper-parameters: train its grid, take what is best on validation.

A candidate is trained as any run is (`train`), for the epochs and seeds of `tuning`. What is
compared is what decides which epoch a run keeps: the smallest validation error, as `selection`
defines it. The test split has no part in it.
"""

import logging
import shutil
import time
from pathlib import Path
from typing import Any

import torch

from ..config import schema, settings, tuning
from ..config.choice import Candidate, Choice
from ..files import atomic
from ..runtime import preemption
from . import train
from .checkpoint import Saving

log = logging.getLogger(__name__)
OUTPUTS = ("model.safetensors", "history.csv", "run.json")


def run(
    study: schema.Study,
    experiment: str,
    method: str,
    identity: dict[str, Any],
    splits: tuple[Path, Path],
    device: torch.device,
    requests: preemption.StopRequests,
    folder: Path,
    out: Path,
) -> None:
    """Train a method's grid and write what was chosen.

    Args:
        study: The configuration.
        experiment: One of its experiments.
        method: One that the experiment tunes.
        identity: Of the study and the process: its name, the training code, device and versions.
        splits: The prepared training and validation splits.
        device: Where to train.
        requests: Signals that ask this process to end.
        folder: Of the candidates' runs, which resume from there; removed at the end.
        out: Written: a `choice.Choice`.

    Raises:
        ConfigurationError: The method is not tuned.
        Preempted: The process was asked to end; the state is saved.
    """
    start = time.perf_counter()
    content = settings.pick("experiment", experiment, study.experiments)
    settings.pick("tuned method", method, content.tuning.grids if content.tuning else {})
    candidates, data = [], {}
    for values in tuning.candidates(content, method):
        name = tuning.text(values)
        changed = tuning.of_candidate(study, experiment, method, values)
        named = {"experiment": experiment, "method": method, "candidate": name}
        named |= {"configuration": settings.run_digest(changed, experiment, method)}
        chosen = settings.run_settings(changed, experiment, method)
        tasks = study.datasets[content.dataset].tasks
        records, errors = [], []
        for seed in range(content.tuning.seeds.value):
            place = folder / name / f"seed{seed}"
            outputs = train.Outputs(*(place / f for f in OUTPUTS))
            saving = Saving(place / "checkpoint", study.checkpoint_every, requests)
            whole = identity | named | {"seed": seed}
            error = train.run(chosen, whole, tasks, *splits, device, outputs, saving)
            records.append(atomic.read_json(outputs.record))
            if records[-1]["diverged"]:
                break
            errors.append(error)
        candidates.append(_candidate(values, records, errors))
        data = records[-1]["data"]["prepared"]
        log.info("%s/%s, %s: %s", experiment, method, name, _outcome(candidates[-1]))
    process = {k: v for k, v in identity.items() if k not in ("study", "code")}
    choice = Choice(
        study=identity["study"],
        experiment=experiment,
        method=method,
        configuration=tuning.digest(study, experiment, method),
        code=identity["code"],
        data=data,
        selection=content.training.selection.value,
        epochs=content.tuning.epochs.value,
        seeds=content.tuning.seeds.value,
        seconds=time.perf_counter() - start,
        process=process,
        candidates=tuple(candidates),
    )
    atomic.write_json(out, choice.model_dump(mode="json"))
    shutil.rmtree(folder, ignore_errors=True)  # a share may hold on to a file that was mapped
    for name, how in choice.said.items():
        log.info("%s/%s: %s: %s", experiment, method, name, how)
    for name in choice.at_end:
        log.warning("%s/%s: the best `%s` is at the end of its grid", experiment, method, name)


def _candidate(
    values: tuning.Values, records: list[dict[str, Any]], errors: list[float]
) -> Candidate:
    last = records[-1]["diverged"]
    epochs = sum((r["diverged"] or {"epoch": r["epochs"]})["epoch"] for r in records)
    what = f"{last['what']}, seed {len(records) - 1}, epoch {last['epoch']}" if last else None
    return Candidate(values=values, errors=tuple(errors), diverged=what, epochs=epochs)


def _outcome(candidate: Candidate) -> str:
    return f"diverged: {candidate.diverged}" if candidate.diverged else f"{candidate.error:.6g}"
