"""Replicated numbers beside the paper's, row by row: shared by the tables."""

import math
from collections.abc import Iterable

import pandas as pd

from ...config import schema
from ...results import relative_improvement
from ...results.tidy import Results
from .. import caption, table_format

SOURCES = ("replicated", "reported")
ROWS = ["block", "method"]
COLUMNS = ["quantity", "source"]
PARTS = ("value", "std", "runs")
# The method to which costs are relative.
REFERENCE = "vanilla"


def reported(paper: pd.DataFrame, experiment: str, names: Iterable[str | None]) -> pd.DataFrame:
    """The paper's numbers of one method: metric -> value, std and runs; empty if it has none.

    Args:
        paper: `configs/paper/reported.csv`.
        experiment: its name there.
        names: what the method may be called there, the likeliest first.
    """
    found = paper[paper["experiment"] == experiment].set_index("method")
    for name in names:
        if name in found.index:
            return found.loc[[name]].set_index("metric")[list(PARTS)]
    return found.iloc[:0].set_index("metric")[list(PARTS)]


def cost(found: Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Median hours of a run, and as a multiple of Vanilla's: a row per method with `PARTS`."""
    hours = pd.Series(found.provenance["seconds"]) / 3600
    runs = pd.Series(found.provenance["runs"])
    absolute, relative = (
        pd.DataFrame({"value": series, "std": math.nan, "runs": runs})
        for series in (hours, hours / hours.get(REFERENCE, math.nan))
    )
    return absolute, relative


def label(method: schema.Method, name: str, results: Iterable[Results]) -> str:
    """A row's name, with what is missing from its numbers: `Vanilla (4/5, 1 diverged)`."""
    results = list(results)
    holes = []
    for found in results:
        if lost := len(found.diverged.get(name, [])):
            total = found.provenance["runs"][name]
            of = f"{found.name}: " if len(results) > 1 else ""
            holes.append(f"{of}{total - lost}/{total}, {lost} diverged")
    return f"{method.label} ({'; '.join(holes)})" if holes else method.label


def undefined(results: dict[str, Results]) -> str:
    """A remark on cells without an improvement; empty if there are none."""
    return "".join(f" {text}" for text in caption.undefined(results.values()))


def over_seeds(values: pd.Series) -> pd.Series:
    """Median, std and runs of one number per seed."""
    runs = pd.DataFrame({"method": "", "value": values}).set_index("method", append=True)
    return relative_improvement.over_seeds(runs["value"]).iloc[0]


def table(
    title: str, text: str, cells: dict[tuple[str, ...], pd.Series], **options: object
) -> table_format.Table:
    """A table from its cells.

    Args:
        title: one line.
        text: The caption.
        cells: (block, method label, *column) -> value, std and runs, in the order of the rows.
        options: see `table_format.best`.
    """
    data = any(len(key) == 5 for key in cells)
    levels = [*ROWS, "data", *COLUMNS] if data else [*ROWS, *COLUMNS]
    if not cells:
        empty = pd.DataFrame(
            index=pd.MultiIndex.from_tuples([], names=ROWS),
            columns=pd.MultiIndex.from_tuples([], names=COLUMNS),
            dtype=float,
        )
        return table_format.Table(title, text, empty, empty, empty, empty)
    long = pd.DataFrame(cells.values(), index=pd.MultiIndex.from_tuples(cells, names=levels))
    rows = pd.MultiIndex.from_tuples(dict.fromkeys(key[:2] for key in cells), names=ROWS)
    columns = pd.MultiIndex.from_tuples(dict.fromkeys(key[2:] for key in cells), names=levels[2:])
    frames = [
        long[part].unstack(levels[2:]).reindex(index=rows, columns=columns).astype(float)
        for part in PARTS
    ]
    return table_format.Table(title, text, *frames, table_format.best(frames[0], **options))
