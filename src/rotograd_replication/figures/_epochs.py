"""The history of an experiment, per method and epoch: shared by figures over training time."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from .. import schema
from ..results import Results


def methods(results: Results, experiment: schema.Experiment) -> list[str]:
    """The methods that train all tasks together and were run, in the configured order."""
    together = [m for m, method in experiment.methods.items() if not method.separate]
    return [m for m in together if m in results.methods]


def average(history: pd.DataFrame, columns: Iterable[str], name: str) -> pd.DataFrame:
    """The mean of some columns as `name`, a row per method, seed and epoch that has them."""
    present = [column for column in columns if column in history]
    mean = history[present].astype(float).mean(axis=1)
    return history[["method", "seed", "epoch"]].assign(quantity=name, value=mean).dropna()


def curves(
    long: pd.DataFrame, names: Iterable[str]
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """For each method: its name, the epochs `[N]`, and a column per seed `[N, seeds]`."""
    for name in names:
        runs = long[long["method"] == name].pivot(index="epoch", columns="seed", values="value")
        runs = runs.dropna()
        if len(runs):
            yield name, runs.index.to_numpy(), runs.to_numpy()
