"""Every run that a study asks for, and its state, from the run's own files alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import schema, settings
from ..config.equal_code import TrainingCode
from . import run_records
from .run_records import RunRecord

DONE, DIVERGED, STALE = "done", "diverged", "stale"
TRAINED, RUNNING, MISSING = "trained", "running", "missing"
CHANGED = "the configuration has changed since"
STATES = {
    DONE: "finished under the present configuration and code",
    DIVERGED: "finished with a loss that is not finite",
    STALE: "finished under another configuration or other training code",
    TRAINED: "trained, not yet measured on the test split",
    RUNNING: "has a checkpoint: running, or interrupted",
    MISSING: "not begun",
}


@dataclass(frozen=True)
class Places:
    """Where a run's files are: patterns with `{experiment}`, `{method}` and `{seed}`.

    Attributes:
        metrics: Of a finished run.
        record: Of a trained run.
        checkpoint: The folder of a run in progress.
    """

    metrics: str
    record: str
    checkpoint: str


@dataclass(frozen=True)
class Run:
    """One run: what it is of, its state and why, and its record where it is finished."""

    experiment: str
    method: str
    seed: int
    state: str
    reason: str
    record: RunRecord | None

    @property
    def waits(self) -> bool:
        """Whether the next call trains it: it is not finished, or of another configuration."""
        return self.state in (RUNNING, MISSING) or self.reason == CHANGED


def runs(study: schema.Study, places: Places, code: TrainingCode) -> list[Run]:
    """List every run of a study, in its order.

    Args:
        study: The configuration.
        places: Where files are.
        code: The present training code.

    Raises:
        RecordError: A finished run's record is damaged.
    """
    listed = []
    for name, experiment in study.experiments.items():
        for method in experiment.methods:
            configuration = settings.run_digest(study, name, method)
            for seed in range(experiment.seeds.value):
                where = {"experiment": name, "method": method, "seed": seed}
                record = _finished(Path(places.metrics.format(**where)))
                state = state_of(record, configuration, code) if record else _begun(places, where)
                listed.append(Run(name, method, seed, *state, record))
    return listed


def _finished(metrics: Path) -> RunRecord | None:
    """Read a run's record; None where there is none, also if it is just being removed."""
    try:
        return run_records.read(metrics)
    except FileNotFoundError:
        return None


def _begun(places: Places, where: dict[str, Any]) -> tuple[str, str]:
    if Path(places.record.format(**where)).exists():
        return TRAINED, ""
    if Path(places.checkpoint.format(**where)).exists():
        return RUNNING, ""
    return MISSING, ""


def state_of(record: RunRecord, configuration: str, code: TrainingCode) -> tuple[str, str]:
    """Find the state of a finished run, and why.

    Args:
        record: Its `metrics.json`.
        configuration: The digest of its present configuration.
        code: The present training code.
    """
    if record.configuration != configuration:
        return STALE, CHANGED
    if not code.trained(record.code, record.method):
        return STALE, "the training code has changed since"
    if record.diverged:
        return DIVERGED, "a loss is not finite"
    return DONE, ""
