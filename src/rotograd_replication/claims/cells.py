"""Every number of the paper's tables next to ours."""

from collections.abc import Iterator

import pandas as pd

from ..config import schema
from ..results import quantities
from ..results.quantities import Paper, Quantity, Row
from . import agreement, stats
from .cell import Cell, Replicated, Reported
from .evidence import Evidence
from .printed import Numbers
from .schema import Statistics


def cells(evidence: Evidence, paper: Paper) -> Iterator[Cell]:
    """List every number that the paper prints, or that we have in its place."""
    statistics = evidence.claims.statistics
    for experiment, printed in paper.experiments.items():
        methods = _methods(evidence, experiment)
        results, standin = evidence.results.get(experiment), evidence.standin(experiment)
        for metric in printed.cells:
            quantity = paper.quantities[metric]
            table = quantities.per_task(results, quantity) if results else None
            for name, method in methods.items():
                # A single-task network improves on itself by nothing, by definition.
                if quantity.of == "delta" and method.separate:
                    continue
                row = paper.cell(experiment, name, method, metric)
                replicated = _replicated(table, name, method, quantity, statistics)
                if not row and not replicated.n:
                    continue
                reported = _reported(row)
                agrees, reason = agreement.judge(
                    replicated, reported, standin, quantity.of, statistics
                )
                yield Cell(
                    **dict(replicated),
                    **dict(reported),
                    experiment=experiment,
                    method=name,
                    label=method.label,
                    metric=metric,
                    label_metric=quantity.label,
                    standin=standin,
                    as_published=evidence.as_published(experiment, [name], quantity.of),
                    agreement=agrees,
                    reason=reason,
                )


def printed_numbers(evidence: Evidence, paper: Paper) -> Numbers:
    """Find every quantity that the paper prints, or that follows from what it prints."""
    rows = {
        (experiment, name, metric): paper.cell(experiment, name, method, metric)
        for experiment in paper.experiments
        for name, method in _methods(evidence, experiment).items()
        for metric in paper.quantities
    }
    return {key: row["value"] for key, row in rows.items() if row}


def _methods(evidence: Evidence, experiment: str) -> dict[str, schema.Method]:
    """Take the methods of the reference, and those that the study has besides."""
    ours = evidence.study.experiments.get(experiment)
    return evidence.reference.experiments[experiment].methods | (ours.methods if ours else {})


def _reported(row: Row | None) -> Reported:
    if row is None:
        return Reported()
    return Reported(
        table=str(row["table"]),
        reported=row["value"],
        reported_std=row["std"],
        reported_n=row["runs"],
        reported_source=row["source"],
        reported_note=row["note"],
    )


def _replicated(
    table: pd.DataFrame | None,
    name: str,
    method: schema.Method,
    quantity: Quantity,
    statistics: Statistics,
) -> Replicated:
    """Compute our median and its interval; tasks of separate networks are drawn apart."""
    if table is None or name not in table.index:
        return Replicated()
    runs = table.loc[[name]].dropna().to_numpy(float)
    if not len(runs):
        return Replicated()
    statistic = quantities.STATISTICS[quantity.statistic]
    values = quantities.summary(statistic(runs))
    confidence = statistics.confidence.value
    low = high = std = None
    if len(runs) > 1:
        std = values.std
        columns = range(runs.shape[1])
        strata = [[i] for i in columns] if method.separate else [list(columns)]
        low, high = stats.bootstrap(runs, statistic, strata, confidence, statistics.resamples.value)
    return Replicated(
        n=len(runs),
        value=values.value,
        low=low,
        high=high,
        std=std,
        coverage=min(stats.coverage(len(runs)), confidence),
    )
