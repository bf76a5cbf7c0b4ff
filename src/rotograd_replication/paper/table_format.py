"""One table, three files: CSV for machines, Markdown for reading, LaTeX (booktabs) for papers.

A table is numbers; text, bold face and escapes are made here.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..files import atomic
from . import latex
from .caption import STANDIN

NOTHING = "None of the runs has a row in this table."
BOLD = " Bold: the best of its column."


@dataclass(frozen=True)
class Table:
    """Numbers with their spreads.

    Attributes:
        title: One line.
        caption: What must be known to read the numbers (see `caption`).
        values: Medians; rows (block, label), grouped columns such as (quantity, source).
        spreads: Standard deviations, of the same shape; NaN where there is none.
        runs: Number of runs behind each cell, of the same shape.
        best: Which cells are in bold.
        decimals: Of every number.
    """

    title: str
    caption: str
    values: pd.DataFrame
    spreads: pd.DataFrame
    runs: pd.DataFrame
    best: pd.DataFrame
    decimals: int = 2

    def write(self, csv: Path, markdown: Path, tex: Path) -> None:
        """Write the three files, each whole or not at all."""
        for path, text in (
            (csv, self.tidy().to_csv(index=False, lineterminator="\n")),
            (markdown, self.markdown()),
            (tex, self.latex(tex.stem)),
        ):
            with atomic.atomic(path) as temporary:
                temporary.write_text(text)

    def tidy(self) -> pd.DataFrame:
        """List the cells, a row per cell; empty ones are left out."""
        if self.values.empty:
            names = [*self.values.index.names, *self.values.columns.names]
            return pd.DataFrame(columns=[*names, "value", "std", "runs", "best"])
        parts = {"value": self.values, "std": self.spreads, "runs": self.runs, "best": self.best}
        names = [*self.values.index.names, *self.values.columns.names]
        levels = list(range(self.values.columns.nlevels))
        tidy = pd.concat({k: f.stack(levels, future_stack=True) for k, f in parts.items()}, axis=1)
        tidy = tidy.rename_axis(names).dropna(subset="value").astype({"runs": int})
        tidy = tidy.reset_index()
        return tidy.loc[:, (tidy != "").any()]

    def markdown(self) -> str:
        """Write the table as GitHub Markdown, the best value of each column in bold."""
        caption = self._said().replace(STANDIN, f"**{STANDIN}**")
        if self.values.empty:
            return f"### {self.title}\n\n{NOTHING}\n\n{caption}\n"
        body = self._cells("{} ± {}", "**{}**").reset_index()
        body.columns = [" · ".join(filter(None, column)) for column in body.columns]
        block, label = body.columns[:2]
        body[block] = body[block].mask(body[block].duplicated(), "")
        body = body.rename(columns={block: "", label: label.capitalize()})
        if not (body[""] != "").any():
            body = body.drop(columns="")
        align = ["left"] * (body.shape[1] - self.values.shape[1])
        align += ["right"] * self.values.shape[1]
        text = body.to_markdown(index=False, colalign=align, disable_numparse=True)
        return f"### {self.title}\n\n{text}\n\n{caption}\n"

    def latex(self, label: str) -> str:
        """Write the table in LaTeX, in several parts if it is wide."""
        caption = f"{self.title}. {self._said()}"
        if self.values.empty:
            return latex.table(self.values, f"{caption} {NOTHING}", label)
        body = self._cells(r"${} \pm {}$", r"{{\boldmath{}}}", "${}$")
        return latex.table(body, caption, label)

    def _said(self) -> str:
        """Say what bold face means, where there is any."""
        return self.caption + BOLD * bool(self.best.to_numpy().any())

    def _cells(self, both: str, bold: str, alone: str = "{}") -> pd.DataFrame:
        """Write the numbers as text."""
        text = pd.DataFrame("", self.values.index, self.values.columns, dtype=object)
        values, spreads = self.values.to_numpy(float), self.spreads.to_numpy(float)
        for i in range(text.shape[0]):
            for j in range(text.shape[1]):
                numbers = (values[i, j], spreads[i, j])
                cell = _number(*numbers, self.decimals, both, alone)
                text.iat[i, j] = bold.format(cell) if self.best.iat[i, j] else cell
        return text


def _number(value: float, spread: float, decimals: int, both: str, alone: str) -> str:
    if math.isnan(value):
        return ""
    if math.isnan(spread):
        return alone.format(f"{value:.{decimals}f}")
    return both.format(f"{value:.{decimals}f}", f"{spread:.{decimals}f}")


def best(
    values: pd.DataFrame, higher: dict[str, bool], exclude: Iterable[str] = (), decimals: int = 2
) -> pd.DataFrame:
    """Mark the best shown value of every column (ties share it).

    Args:
        values: Rows (block, label), columns (quantity, source).
        higher: Whether a higher value is better, by quantity; those left out have no best value.
        exclude: Labels that do not compete, such as the baseline.
        decimals: Those shown.
    """
    rounded = values.round(decimals)
    rounded[rounded.index.get_level_values(-1).isin(list(exclude))] = math.nan
    mask = pd.DataFrame(False, values.index, values.columns)
    for column in values.columns:
        cells = rounded[column]
        if column[-2] in higher and cells.notna().any():
            mask[column] = cells == (cells.max() if higher[column[-2]] else cells.min())
    return mask
