"""All runs of one experiment become three files: a tidy table, a long history, a provenance.

`run_records` refuses what must not be mixed: runs of another configuration, of other data, or
files that are not whole.
"""

import csv
import logging
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tqdm

from ..config import schema
from ..config.choice import Choice
from ..files import atomic as records
from ..files import damage
from . import relative_improvement as delta
from .run_records import (
    RUN,
    AggregateError,
    check_configuration,
    check_data,
    check_tuning,
    is_diverged,
    label,
    read,
)

log = logging.getLogger(__name__)


HEADER = [*RUN, "task", "metric", "value", "higher_is_better", "delta"]


def run(
    study: schema.Study,
    study_name: str,
    experiment: str,
    datasets: dict[str, schema.Dataset],
    metrics: list[Path],
    histories: list[Path],
    table: Path,
    history: Path,
    provenance: Path,
    same_data: dict[str, str],
    choices: Sequence[Choice] = (),
) -> None:
    """Gather the runs of one experiment.

    Args:
        study: the present configuration, which every run must have been made under.
        study_name: its name.
        experiment: which of its experiments.
        datasets: every dataset, for the kinds of the tasks.
        metrics: one `metrics.json` per run.
        histories: one `history.csv` per run, in the same order.
        table: written: a row per run, task and metric, with Delta_k against `single_task`.
        history: written: `method, seed` and the columns of the histories.
        provenance: written: data, hardware, versions and cost of the runs.
        same_data: prepared files that hold the same tensors (`equal_code.same_data`).
        choices: what tuning chose for methods of the experiment.

    Raises:
        AggregateError: a run of another configuration, of other data, or a malformed file.
    """
    if len(metrics) != len(histories) or not metrics:
        raise AggregateError(
            f"`{experiment}` must have one history per metrics file, and at least one. "
            f"Found {len(metrics)} metrics and {len(histories)} histories. List both for each run."
        )
    chosen = study.experiments[experiment]
    remedy = f"Remove that run's folder, then run: snakemake --config study={study_name}"
    bar = tqdm.tqdm(metrics, desc=f"{experiment}: records", unit="run", disable=None)
    runs = [read(path, study_name, experiment, remedy) for path in bar]
    check_configuration(runs, study, experiment, remedy)
    check_data(runs, remedy, same_data)
    check_tuning(runs, choices, remedy)
    rows = _rows(runs, datasets[chosen.dataset], remedy)
    _write_csv(table, [HEADER, *rows])
    _write_csv(history, _histories(runs, histories, remedy))
    facts = _provenance(runs, chosen, study_name, experiment)
    tuned = {choice.method: choice.model_dump(mode="json") for choice in choices}
    records.write_json(provenance, facts | ({"tuning": tuned} if tuned else {}))
    log.info("%s: %d runs in %s", experiment, len(runs), table.name)


def _rows(runs: list[dict[str, Any]], dataset: schema.Dataset, remedy: str) -> list[list[Any]]:
    """The tidy rows; Delta_k is against the single-task run of the same seed.

    A run that diverged has rows without a number: it is seen, and no mean passes over it.
    """
    values = {
        (run["method"], run["seed"], task.name, metric): _number(run, task.name, metric, remedy)
        for run in runs
        if not is_diverged(run)
        for task in dataset.tasks
        for metric in (*task.metrics, "loss")
    }
    rows = []
    for run in runs:
        for task in dataset.tasks:
            start = [run["study"], run["experiment"], run["method"], run["seed"], task.name]
            for metric, higher in task.metrics.items():
                value = values.get((run["method"], run["seed"], task.name, metric), "")
                single = values.get((delta.BASELINE, run["seed"], task.name, metric))
                known = single is not None and value != ""
                gain = delta.improvement(value, single, higher) if known else ""
                rows.append([*start, metric, value, higher, gain])
            loss = values.get((run["method"], run["seed"], task.name, "loss"), "")
            rows.append([*start, "loss", loss, False, ""])
    return rows


def _number(run: dict[str, Any], task: str, metric: str, remedy: str) -> float:
    try:
        return float(run["metrics"][task][metric])
    except (KeyError, TypeError, ValueError):
        raise AggregateError(
            f"{label(run)} must have a number for `{metric}` of `{task}`. "
            f"Found {run['metrics']!r}. {remedy}"
        ) from None


def _histories(runs: list[dict[str, Any]], paths: list[Path], remedy: str) -> list[list[str]]:
    """All histories under one header; a column that a method lacks is empty."""
    bar = tqdm.tqdm(paths, desc=f"{runs[0]['experiment']}: histories", unit="run", disable=None)
    tables = [_read_history(path, remedy) for path in bar]
    header = list(dict.fromkeys(column for table in tables for column in table[0]))
    rows: list[list[str]] = [["method", "seed", *header]]
    for run, (columns, *body) in zip(runs, tables, strict=True):
        pick = _picker(columns, header)
        rows += ([run["method"], str(run["seed"]), *pick(row)] for row in body)
    return rows


def _read_history(path: Path, remedy: str) -> list[list[str]]:
    kind = "a table with a row per epoch"
    with open(path, newline="") as file, damage.reading(path, kind, remedy, AggregateError):
        table = list(csv.reader(file))
    if not table or "epoch" not in table[0] or any(len(row) != len(table[0]) for row in table):
        found = "no column `epoch`" if not table or "epoch" not in table[0] else "an uneven row"
        raise AggregateError(f"`{path}` must be {kind}. Found {found}. {remedy}")
    return table


def _picker(columns: list[str], header: list[str]) -> Callable[[list[str]], list[str]]:
    if columns == header:
        return lambda row: row
    place = {column: i for i, column in enumerate(columns)}
    order = [place.get(column, len(columns)) for column in header]
    return lambda row: [(*row, "")[i] for i in order]


def _provenance(
    runs: list[dict[str, Any]], chosen: schema.Experiment, study: str, experiment: str
) -> dict[str, Any]:
    """Where the numbers come from, and what they cost."""

    def seen(key: str) -> list[Any]:
        return sorted({run[key] for run in runs}, key=str)

    by_method: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        by_method.setdefault(run["method"], []).append(run)
    versions: dict[str, set[str]] = {}
    for run in runs:
        for package, version in run["versions"].items():
            versions.setdefault(package, set()).add(str(version))
    code = {method: sorted({run["code"] for run in group}) for method, group in by_method.items()}
    mixed = len(seen("code")) > 1
    return {
        "study": study,
        "experiment": experiment,
        "dataset": chosen.dataset,
        "data": runs[0]["data"],
        "epochs": seen("epochs"),
        "features": chosen.network.features.value,
        "precision": chosen.training.precision.value,
        "compiled": chosen.training.compiled.value,
        "runs": {method: len(group) for method, group in by_method.items()},
        "diverged": {
            method: [run["seed"] for run in group if is_diverged(run)]
            for method, group in by_method.items()
            if any(is_diverged(run) for run in group)
        },
        "seconds": {method: _median_seconds(group) for method, group in by_method.items()},
        "peak_memory_mb": {
            method: max((r["peak_memory_mb"] for r in group if r["peak_memory_mb"]), default=None)
            for method, group in by_method.items()
        },
        "devices": seen("device"),
        "threads": seen("threads"),
        "git_revisions": seen("git_revision"),
        "code": seen("code"),
        "versions": {package: sorted(found) for package, found in sorted(versions.items())},
    } | ({"code_by_method": code} if mixed else {})


def _median_seconds(group: list[dict[str, Any]]) -> float | None:
    """Of the runs that went to their end; None if none did."""
    whole = [run["seconds"] for run in group if not is_diverged(run)]
    return statistics.median(whole) if whole else None


def _write_csv(path: Path, rows: list[list[Any]]) -> None:
    with records.atomic(path) as temporary, open(temporary, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
