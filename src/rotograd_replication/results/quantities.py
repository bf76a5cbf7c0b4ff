"""Every number that the paper prints, defined once: what it is of a run, and where it is printed.

`configs/paper/quantities.yaml` names them. The tables, the verdicts and the report compute a cell
here: `per_task` takes a quantity's numbers from the results, `per_run` its statistic over tasks,
`summary` the median and spread over seeds, and `Paper.cell` the number that the paper prints.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict

import numpy as np
import pandas as pd
import pydantic

from .. import plugins
from ..config import faults, schema, yaml_files
from .relative_improvement import BASELINE
from .tidy import Results, read_reported

# Over the last axis: `[..., tasks]` -> `[...]`.
STATISTICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "avg": lambda x: np.mean(x, -1),
    "med": lambda x: np.median(x, -1),
    "min": lambda x: np.min(x, -1),
    "max": lambda x: np.max(x, -1),
    "std": lambda x: np.std(x, -1, ddof=1),
    "range": lambda x: np.ptp(x, -1),
}
SECONDS_PER_HOUR = 3600


class Summary(NamedTuple):
    """The median over seeds, its standard deviation (`ddof=1`) and how many seeds they are of.

    NaN where there are none; the deviation also of one.
    """

    value: float
    std: float
    runs: int


class Quantity(schema.Model):
    """One number of a run: a statistic over tasks of what was measured on the test split.

    `of` is the relative improvement over the single-task network, the metric itself, or the hours
    of the run. A task with several metrics takes `metric`, or the mean of their improvements.
    `tasks` are all where none is named. `times` changes the unit. `over` names the method whose
    median over seeds it is divided by. Where the paper does not
    print it, the mean of the quantities in `printed` counts. `at` says which parameters are
    measured: those of the best epoch, or those at the end of training, whose `metric` on the
    validation split is in the history.
    """

    label: str
    of: Literal["delta", "value", "hours"]
    at: Literal["best_epoch", "last_epoch"] = "best_epoch"
    metric: schema.Name | None = None
    tasks: tuple[schema.Name, ...] = ()
    statistic: Literal["avg", "med", "min", "max", "std", "range", "each"]
    direction: Literal["higher", "lower"]
    unit: str
    times: float = 1.0
    over: schema.Name | None = None
    printed: tuple[schema.Name, ...] = ()

    @pydantic.model_validator(mode="after")
    def _recorded(self) -> "Quantity":
        if self.at == "last_epoch" and (self.of != "value" or self.metric is None):
            raise ValueError(
                "`at: last_epoch` must be of `value` and name its `metric`: the history has no "
                f"other. Found `of: {self.of}`, `metric: {self.metric}`."
            )
        return self


class Printed(schema.Model):
    """An experiment in the paper's tables."""

    reported: str
    # Method -> its name in the paper's rows, where it is neither its own nor `reported_as`.
    names: dict[schema.Name, str] = pydantic.Field(default={})
    # The quantities that the paper prints of it, named as in `configs/paper/reported.csv`.
    cells: tuple[schema.Name, ...]
    # What is in doubt of what the paper prints: a sentence for captions.
    doubt: str = ""


class Quantities(schema.Model):
    """A whole `quantities.yaml`."""

    quantities: dict[schema.Name, Quantity]
    experiments: dict[schema.Name, Printed]

    @pydantic.model_validator(mode="after")
    def _known(self) -> "Quantities":
        named = {f"experiments: {e}: cells": p.cells for e, p in self.experiments.items()}
        named |= {f"quantities: {name}: printed": q.printed for name, q in self.quantities.items()}
        for place, names in named.items():
            for name in names:
                if name not in self.quantities:
                    hint = plugins.nearest(name, list(self.quantities))
                    raise ValueError(f"{place}: unknown quantity `{name}`. {hint}")
        return self


def load(configs: Path) -> Quantities:
    """Read the quantities.

    Raises:
        ConfigurationError: An unknown name or key, with its place and the nearest legal one.
    """
    content = yaml_files.read_named(configs / "paper", "quantities")
    return faults.validate(Quantities, content, "quantities.yaml")


class Row(TypedDict):
    """A number that the paper prints: a row of `configs/paper/reported.csv`."""

    table: int
    experiment: str
    method: str
    metric: str
    value: float
    std: float | None
    runs: int
    source: str
    note: str | None


@dataclass(frozen=True)
class Paper:
    """The quantities with the numbers that the paper prints of them.

    Attributes:
        quantities: By name.
        experiments: Where each experiment is printed.
        rows: (experiment, method, metric) as named in `reported.csv` -> its row.
    """

    quantities: dict[str, Quantity]
    experiments: dict[str, Printed]
    rows: dict[tuple[str, str, str], Row]

    def cell(self, experiment: str, name: str, method: schema.Method, metric: str) -> Row | None:
        """Find the row that the paper prints, or what follows from those that it prints; else None.

        Args:
            experiment: Its name in `configs/experiments/`.
            name: The method's name.
            method: Its configuration.
            metric: The quantity's name.
        """
        if experiment not in self.experiments:
            return None
        printed, quantity = self.experiments[experiment], self.quantities[metric]
        names = (method.reported_as, printed.names.get(name), name)
        keys = [(printed.reported, other, metric) for other in names if other]
        if row := next((self.rows[key] for key in keys if key in self.rows), None):
            return row
        cells = [self.cell(experiment, name, method, other) for other in quantity.printed]
        parts = [part for part in cells if part]
        if not parts or len(parts) < len(cells):
            return None
        value = float(np.mean([part["value"] for part in parts]))
        if quantity.over:
            base = self.rows.get((printed.reported, quantity.over, quantity.printed[0]))
            value = value / base["value"] if base else math.nan
        return parts[0] | {"metric": metric, "value": value, "std": None}

    def best(self, experiment: str, metric: str) -> float | None:
        """Find the best number that the paper prints of a metric, single-task networks left out."""
        if experiment not in self.experiments:
            return None
        printed = self.experiments[experiment].reported
        values = [
            row["value"]
            for (of, method, name), row in self.rows.items()
            if (of, name) == (printed, metric) and method != BASELINE
        ]
        choose = max if self.quantities[metric].direction == "higher" else min
        return choose(values, default=None)


def read_paper(quantities: dict[str, Quantity], printed: dict[str, Printed], path: Path) -> Paper:
    """Read the paper's numbers from `reported.csv`.

    Raises:
        ValueError: It is not as `tidy.read_reported` needs it.
    """
    table = read_reported(path).astype(object)
    rows: list[Any] = table.where(table.notna(), None).to_dict("records")
    by_name = {(row["experiment"], row["method"], row["metric"]): row for row in rows}
    return Paper(quantities, printed, by_name)


def summary(values: np.ndarray) -> Summary:
    """Summarise one method's numbers `[seeds]`, of those that are finite."""
    values = values[np.isfinite(values)]
    if not len(values):
        return Summary(math.nan, math.nan, 0)
    std = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Summary(float(np.median(values)), std, len(values))


def summaries(
    results: Results, quantity: Quantity, convention: str = ""
) -> Callable[[str], Summary]:
    """Summarise one quantity: method -> its summary."""
    column = per_run(per_task(results, quantity, convention), quantity).iloc[:, 0]
    values = {name: rows.to_numpy(float) for name, rows in column.groupby("method", sort=False)}
    empty = np.empty(0)
    scale = summary(values.get(quantity.over, empty)).value if quantity.over else 1.0
    return lambda method: summary(values.get(method, empty) / scale)


def per_task(results: Results, quantity: Quantity, convention: str = "") -> pd.DataFrame:
    """Take a quantity's numbers: a row per (method, seed), a column per task.

    A run without a finite number for a task (diverged, Delta undefined, or hours of several
    machines) has NaN there.

    Args:
        results: Of an experiment.
        quantity: Which.
        convention: How metrics are averaged (`tidy.Results.tests_by`).
    """
    if quantity.of == "hours":
        return quantity.times * _hours(results)
    if quantity.at == "last_epoch":
        return quantity.times * _last_epoch(results, quantity)
    tests = results.tests_by(convention)
    if quantity.tasks:
        tests = tests[tests["task"].isin(quantity.tasks)]
    if quantity.metric:
        tests = tests[tests["metric"] == quantity.metric]
    keys = [tests[key] for key in ("method", "seed", "task")]
    groups = tests[quantity.of].astype(float).groupby(keys, sort=False)
    means = groups.mean().mask(groups.count() < groups.size())  # over the metrics of a task
    return quantity.times * means.unstack("task", sort=False).replace([np.inf, -np.inf], np.nan)


def _hours(results: Results) -> pd.DataFrame:
    columns = ["method", "seed", "epoch", "seconds"]
    history = pd.read_csv(results.history_file, usecols=columns)
    last = history.sort_values("epoch").groupby(["method", "seed"], sort=False)["seconds"].last()
    last[[seed in results.diverged.get(method, []) for method, seed in last.index]] = np.nan
    if results.several_machines:
        last[:] = np.nan
    return (last / SECONDS_PER_HOUR).to_frame("run")


def _last_epoch(results: Results, quantity: Quantity) -> pd.DataFrame:
    """Take the metric on the validation split when training ended; a diverged run has none."""
    rows = results.history.sort_values("epoch").groupby(["method", "seed"], sort=False).tail(1)
    prefix = f"val_{quantity.metric}/"
    last = rows.set_index(["method", "seed"]).filter(regex=f"^{prefix}")
    last = last.rename(columns=lambda column: column.removeprefix(prefix))
    last.loc[[seed in results.diverged.get(method, []) for method, seed in last.index]] = np.nan
    return last[list(quantity.tasks)] if quantity.tasks else last


def per_run(scores: pd.DataFrame, quantity: Quantity) -> pd.DataFrame:
    """Compute the statistic of each run, in one column; where each task counts alone, one each."""
    if quantity.statistic == "each":
        return scores
    values = STATISTICS[quantity.statistic](scores.to_numpy())
    return pd.DataFrame({quantity.statistic: values}, index=scores.index)
