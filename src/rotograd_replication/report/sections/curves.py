"""Training, method by method: loss, and how aligned the tasks are; all others in grey behind."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import _svg
from ._material import Material

TITLE = "Convergence and cosines, method by method"
WIDTH, HEIGHT, POINTS = 240, 72, 60


def build(material: Material) -> dict[str, Any]:
    """Draw a row per method and a column per quantity for every experiment that is aggregated."""
    groups = []
    for name, found in material.results.items():
        experiment = material.study.experiments[name]
        methods = [m for m in experiment.methods if m in found.methods]
        methods = [m for m in methods if not experiment.methods[m].separate]
        tasks = [task.name for task in material.study.datasets[experiment.dataset].tasks]
        curves = read(found.history_file, methods, tasks)
        columns = [_column(title, table) for title, table in curves.items() if len(table)]
        rows = [
            {
                "mark": _svg.swatch(experiment.methods[m]),
                "cells": [column["lines"].get(m) for column in columns],
            }
            for m in methods
        ]
        groups.append({"name": name, "title": experiment.title, "columns": columns, "rows": rows})
    return {"groups": groups, "width": WIDTH, "height": HEIGHT}


def read(history: Path, methods: list[str], tasks: list[str]) -> dict[str, pd.DataFrame]:
    """Read quantity -> a row per method, seed and epoch, with `value`; only the needed columns."""
    pairs = {f"cosine/{a}/{b}" for a, b in combinations(tasks, 2)}
    losses = [f"val_loss/{task}" for task in tasks]
    after = {f"update_cosine_after/{task}" for task in tasks}
    keys = ["method", "seed", "epoch"]
    wanted = {*keys, *losses, *pairs, *after}
    table = pd.read_csv(history, usecols=lambda column: column in wanted)
    table = table[table["method"].isin(methods)]
    title, loss = _loss(table, losses)
    pairs, after = pairs & set(table), after & set(table)
    quantities = {
        title: loss,
        "Cosine between tasks' gradients": table[sorted(pairs)].mean(axis=1),
        "Cosine of tasks' gradients with the update": table[sorted(after)].mean(axis=1),
    }
    trained = table["epoch"] > 0  # the untrained network would set the scale
    return {
        name: table.loc[trained, keys].assign(value=v[trained]).dropna()
        for name, v in quantities.items()
    }


def _loss(table: pd.DataFrame, losses: list[str]) -> tuple[str, pd.Series]:
    """Average the tasks' losses, each in units of the untrained networks' median.

    If some are not positive, they are taken as they are: a ratio would say nothing.
    """
    values = table[losses]
    if not (values > 0).all(axis=None):
        return "Validation loss, mean over tasks", values.mean(axis=1)
    untrained = values[table["epoch"] == 0].median()
    title = "Validation loss over an untrained network's, mean over tasks"
    return title, (values / untrained).mean(axis=1)


def _column(title: str, long: pd.DataFrame) -> dict[str, Any]:
    """Draw one quantity: the lines of all methods on one scale."""
    spread = long.groupby(["method", "epoch"], sort=False)["value"].agg(["median", "min", "max"])
    low, high = float(spread["median"].min()), float(spread["median"].max())
    logarithmic = low > 0 and high > 5 * low
    first, last = int(long["epoch"].min()), int(long["epoch"].max())
    lines = {}
    for method, table in spread.groupby("method", sort=False):
        epochs = table.index.get_level_values("epoch").to_numpy()
        picked = np.unique(np.linspace(0, len(epochs) - 1, POINTS).round().astype(int))
        x = 2 + (epochs[picked] - first) / max(last - first, 1) * (WIDTH - 4)
        drawn = table.iloc[picked].clip(low, high)
        y = {c: _height(drawn[c].to_numpy(), low, high, logarithmic) for c in drawn}
        lines[method] = {
            "line": _svg.path(x, y["median"]),
            "band": _svg.band(x, y["min"], y["max"]),
            "last": float(table["median"].iloc[-1]),
        }
    zero = None
    if low < 0 < high:
        zero = float(_height(np.zeros(1), low, high, False)[0])
    return {
        "title": title,
        "low": low,
        "high": high,
        "scale": "logarithmic" if logarithmic else "linear",
        "epochs": last,
        "zero": zero,
        "lines": lines,
    }


def _height(values: np.ndarray, low: float, high: float, logarithmic: bool) -> np.ndarray:
    if logarithmic:
        values, low, high = np.log(values), float(np.log(low)), float(np.log(high))
    return _svg.scale(values, low, high, HEIGHT)
