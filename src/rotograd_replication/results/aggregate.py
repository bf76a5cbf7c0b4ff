"""All runs of one experiment become three files: a tidy table, a long history, a provenance.

`run_records` refuses files that are not whole, `comparable` runs that must not be mixed: those of
another configuration or of other data.
"""

import csv
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tqdm

from ..config import schema
from ..config.choice import Choice
from ..files import atomic, damage
from . import comparable, run_records
from .relative_improvement import BASELINE, improvement
from .run_records import RecordError, RunRecord

log = logging.getLogger(__name__)
RUN = ["study", "experiment", "method", "seed"]
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
        study: The present configuration, which every run must have been made under.
        study_name: Its name.
        experiment: Which of its experiments.
        datasets: Every dataset, for the kinds of the tasks.
        metrics: One `metrics.json` per run.
        histories: One `history.csv` per run, in the same order.
        table: Written: a row per run, task and metric, with Delta_k against `single_task`.
        history: Written: `method, seed` and the columns of the histories.
        provenance: Written: data, hardware, versions and cost of the runs.
        same_data: Prepared files that hold the same tensors (`equal_code.same_data`).
        choices: What tuning chose for methods of the experiment.

    Raises:
        RecordError: A run of another configuration, of other data, or a malformed file.
    """
    if len(metrics) != len(histories) or not metrics:
        raise RecordError(
            f"`{experiment}` must have one history per metrics file, and at least one. "
            f"Found {len(metrics)} metrics and {len(histories)} histories. List both for each run."
        )
    chosen = study.experiments[experiment]
    remedy = f"Remove that run's folder, then run: snakemake --config study={study_name}"
    bar = tqdm.tqdm(metrics, desc=f"{experiment}: records", unit="run", disable=None)
    of = {"study": study_name, "experiment": experiment}
    runs = [run_records.read(path, remedy, **of) for path in bar]
    comparable.check_configuration(runs, study, experiment, remedy)
    comparable.check_data(runs, remedy, same_data)
    comparable.check_tuning(runs, choices, remedy)
    rows = _rows(runs, datasets[chosen.dataset], remedy)
    _write_csv(table, [HEADER, *rows])
    _write_csv(history, _histories(runs, histories, remedy))
    facts = _provenance(runs, chosen, study_name, experiment)
    tuned = {choice.method: choice.model_dump(mode="json") for choice in choices}
    atomic.write_json(provenance, facts | ({"tuning": tuned} if tuned else {}))
    log.info("%s: %d runs in %s", experiment, len(runs), table.name)


def _rows(runs: list[RunRecord], dataset: schema.Dataset, remedy: str) -> list[list[Any]]:
    """Make the tidy rows; Delta_k is against the single-task run of the same seed.

    A run that diverged has rows without a number, so that no mean hides it. So has one that lacks
    another convention's metric, which came later.
    """
    by_name = {(run.method, run.seed): run for run in runs}
    rows: list[list[Any]] = []
    for run in runs:
        single = by_name.get((BASELINE, run.seed))
        for task in dataset.tasks:
            start = [*(getattr(run, key) for key in RUN), task.name]
            for metric, higher in task.all_metrics.items():
                value, base = (_number(r, task.name, metric, remedy) for r in (run, single))
                gain = None
                if value is not None and base is not None:
                    gain = improvement(value, base, higher)
                rows.append([*start, metric, value, higher, gain])
            rows.append([*start, "loss", _number(run, task.name, "loss", remedy), False, None])
    return rows


def _number(run: RunRecord | None, task: str, metric: str, remedy: str) -> float | None:
    """Look up a metric of a run on the test split; None if it has none."""
    if run is None or run.diverged:
        return None
    try:
        return (run.metrics or {})[task][metric]
    except KeyError:
        if metric.endswith(schema.CONVENTIONS):
            return None
        raise RecordError(
            f"{run.label} must have a number for `{metric}` of `{task}`. "
            f"Found {run.metrics!r}. {remedy}"
        ) from None


def _histories(runs: list[RunRecord], paths: list[Path], remedy: str) -> list[list[str]]:
    """Join all histories under one header; a column that a method lacks is empty."""
    bar = tqdm.tqdm(paths, desc=f"{runs[0].experiment}: histories", unit="run", disable=None)
    tables = [_read_history(path, remedy) for path in bar]
    header = list(dict.fromkeys(column for table in tables for column in table[0]))
    rows: list[list[str]] = [["method", "seed", *header]]
    for run, (columns, *body) in zip(runs, tables, strict=True):
        pick = _picker(columns, header)
        rows += ([run.method, str(run.seed), *pick(row)] for row in body)
    return rows


def _read_history(path: Path, remedy: str) -> list[list[str]]:
    kind = "a table with a row per epoch"
    with open(path, newline="") as file, damage.reading(path, kind, remedy, RecordError):
        table = list(csv.reader(file))
    if not table or "epoch" not in table[0] or any(len(row) != len(table[0]) for row in table):
        found = "no column `epoch`" if not table or "epoch" not in table[0] else "an uneven row"
        raise RecordError(f"`{path}` must be {kind}. Found {found}. {remedy}")
    return table


def _picker(columns: list[str], header: list[str]) -> Callable[[list[str]], list[str]]:
    if columns == header:
        return lambda row: row
    positions = {column: i for i, column in enumerate(columns)}
    order = [positions.get(column, len(columns)) for column in header]
    return lambda row: [(*row, "")[i] for i in order]


def _provenance(
    runs: list[RunRecord], chosen: schema.Experiment, study: str, experiment: str
) -> dict[str, Any]:
    """Gather where the numbers come from, and what they cost."""

    def seen(key: str) -> list[Any]:
        return sorted({getattr(run, key) for run in runs}, key=str)

    by_method: dict[str, list[RunRecord]] = {}
    for run in runs:
        by_method.setdefault(run.method, []).append(run)
    versions: dict[str, set[str]] = {}
    for run in runs:
        for package, version in run.versions.items():
            versions.setdefault(package, set()).add(version)
    code = {method: sorted({run.code for run in group}) for method, group in by_method.items()}
    mixed = len(seen("code")) > 1
    return {
        "study": study,
        "experiment": experiment,
        "dataset": chosen.dataset,
        "data": runs[0].data.model_dump(exclude_none=True),
        "epochs": seen("epochs"),
        "features": chosen.network.features.value,
        "precision": chosen.training.precision.value,
        "compiled": chosen.training.compiled.value,
        "runs": {method: len(group) for method, group in by_method.items()},
        "diverged": {
            method: [run.seed for run in group if run.diverged]
            for method, group in by_method.items()
            if any(run.diverged for run in group)
        },
        "seconds": {
            method: run_records.median_seconds(group) for method, group in by_method.items()
        },
        "peak_memory_mb": {
            method: run_records.peak_memory_mb(group) for method, group in by_method.items()
        },
        "devices": seen("device"),
        "threads": seen("threads"),
        "git_revisions": seen("git_revision"),
        "code": seen("code"),
        "versions": {package: sorted(several) for package, several in sorted(versions.items())},
    } | ({"code_by_method": code} if mixed else {})


def _write_csv(path: Path, rows: list[list[Any]]) -> None:
    with atomic.atomic(path) as temporary, open(temporary, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
