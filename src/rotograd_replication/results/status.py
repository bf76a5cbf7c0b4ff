"""The run matrix in the terminal: what is done, and how long the rest takes; reads files alone.

It works while runs are in progress. Hours left come from finished runs of the same method,
else of the same experiment.
"""

import logging
import statistics
from collections import Counter

from ..config import schema
from ..config.equal_code import TrainingCode
from . import run_states
from .run_states import DIVERGED, DONE, MISSING, RUNNING, STALE, TRAINED, Run

log = logging.getLogger(__name__)
SIGNS = {DONE: "D", DIVERGED: "X", STALE: "s", TRAINED: "t", RUNNING: "r", MISSING: "."}


def run(
    study: schema.Study, study_name: str, places: run_states.Places, code: TrainingCode
) -> None:
    """Log the matrix, a line per method, and what is left."""
    runs = run_states.runs(study, places, code)
    for line in lines(study, study_name, runs):
        log.info("%s", line)


def lines(study: schema.Study, study_name: str, runs: list[Run]) -> list[str]:
    """Write what is shown, line by line.

    Args:
        study: The configuration.
        study_name: Its name.
        runs: All of its runs, in order.
    """
    shown = []
    width = max(len(run.method) for run in runs)
    for name in study.experiments:
        own = [run for run in runs if run.experiment == name]
        finished = sum(run.state == DONE for run in own)
        shown += [f"{name}: {finished} of {len(own)} runs done"]
        for method in study.experiments[name].methods:
            mine = [run for run in own if run.method == method]
            signs = " ".join(SIGNS[run.state] for run in mine)
            shown.append(f"  {method:<{width}}  {signs}  {_typical(mine)}".rstrip())
    counts = Counter(run.state for run in runs)
    shown += ["", *(f"{SIGNS[s]} {s}: {n}, {run_states.STATES[s]}" for s, n in _ordered(counts))]
    reasons = Counter(run.reason for run in runs if run.reason)
    shown += [f"  {n} where {reason}" for reason, n in sorted(reasons.items())]
    return [*shown, "", f"{study_name}: {left(runs)}"]


def _ordered(counts: Counter) -> list[tuple[str, int]]:
    return [(state, counts[state]) for state in SIGNS if counts[state]]


def _typical(mine: list[Run]) -> str:
    seconds = [run.record.seconds for run in mine if run.record]
    return f"{duration(statistics.median(seconds))} a run" if seconds else ""


def left(runs: list[Run]) -> str:
    """Estimate how long the runs that the next call trains take, from the finished ones.

    A running one counts as a whole: only its own process knows how far it is.
    """
    waiting = [run for run in runs if run.waits]
    if not waiting:
        return "nothing is left to train"
    times: dict[tuple[str, str | None], list[float]] = {}
    for record in (run.record for run in runs if run.record):
        for method in (record.method, None):
            times.setdefault((record.experiment, method), []).append(record.seconds)
    known = [
        times.get((run.experiment, run.method)) or times.get((run.experiment, None))
        for run in waiting
    ]
    seconds = sum(statistics.median(group) for group in known if group)
    at_once = max(sum(run.state == RUNNING for run in waiting), 1)
    said = f"{len(waiting)} runs are left to train"
    if seconds:
        said += f", at most {duration(seconds)} of training"
        said += f" and {duration(seconds / at_once)} as now, {at_once} at a time" * (at_once > 1)
    unknown = sum(not group for group in known)
    return said + f"; {unknown} of experiments without a finished run are not in it" * (unknown > 0)


def duration(seconds: float) -> str:
    """Write a time in the unit that a person would use."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
