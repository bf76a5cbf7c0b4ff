"""One table, three files: CSV for machines, Markdown for reading, LaTeX (booktabs) for papers.

A table is numbers; text, bold face and escapes are made here. Captions are made here too, and are
the same for tables and figures: no number leaves this project without its n, data and hardware.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..config import schema
from ..config.equal_code import TrainingCode
from ..files import atomic as records
from ..methods.rotations import ALIKE
from ..results.tidy import Results
from . import latex, tuned

STANDIN = "STAND-IN DATA: these numbers say nothing about the paper."
STALE = "Stale: runs of {} were made by older training code."
REPORTED = "Reported: NeurIPS 2021 submission, not the camera-ready."


@dataclass(frozen=True)
class Table:
    """Numbers with their spreads.

    Attributes:
        title: one line.
        caption: what must be known to read the numbers (see `caption`).
        values: medians; rows (block, label), grouped columns such as (quantity, source).
        spreads: standard deviations, of the same shape; NaN where there is none.
        runs: number of runs behind each cell, of the same shape.
        best: which cells are in bold.
    """

    title: str
    caption: str
    values: pd.DataFrame
    spreads: pd.DataFrame
    runs: pd.DataFrame
    best: pd.DataFrame

    def write(self, csv: Path, markdown: Path, tex: Path) -> None:
        """Write the three files, each whole or not at all."""
        for path, text in (
            (csv, self.tidy().to_csv(index=False, lineterminator="\n")),
            (markdown, self.markdown()),
            (tex, self.latex(tex.stem)),
        ):
            with records.atomic(path) as temporary:
                temporary.write_text(text)

    def tidy(self) -> pd.DataFrame:
        """A row per cell, empty cells left out."""
        parts = {"value": self.values, "std": self.spreads, "runs": self.runs, "best": self.best}
        names = [*self.values.index.names, *self.values.columns.names]
        levels = list(range(self.values.columns.nlevels))
        tidy = pd.concat({k: f.stack(levels, future_stack=True) for k, f in parts.items()}, axis=1)
        tidy = tidy.rename_axis(names).dropna(subset="value").astype({"runs": int})
        tidy = tidy.reset_index()
        return tidy.loc[:, (tidy != "").any()]

    def markdown(self) -> str:
        """The table as GitHub Markdown, the best value of each column in bold."""
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
        caption = self.caption.replace(STANDIN, f"**{STANDIN}**")
        return f"### {self.title}\n\n{text}\n\n{caption}\n"

    def latex(self, label: str) -> str:
        """The table in LaTeX, in several parts if it is wide."""
        body = self._cells(r"${} \pm {}$", r"{{\boldmath{}}}", "${}$")
        return latex.table(body, f"{self.title}. {self.caption}", label)

    def _cells(self, both: str, bold: str, alone: str = "{}") -> pd.DataFrame:
        """The numbers as text."""
        text = pd.DataFrame("", self.values.index, self.values.columns, dtype=object)
        for i in range(text.shape[0]):
            for j in range(text.shape[1]):
                cell = _number(self.values.iat[i, j], self.spreads.iat[i, j], both, alone)
                text.iat[i, j] = bold.format(cell) if self.best.iat[i, j] else cell
        return text


def _number(value: float, spread: float, both: str, alone: str) -> str:
    if math.isnan(value):
        return ""
    if math.isnan(spread):
        return alone.format(f"{value:.2f}")
    return both.format(f"{value:.2f}", f"{spread:.2f}")


def best(values: pd.DataFrame, higher: dict[str, bool], exclude: Any = ()) -> pd.DataFrame:
    """Mark the best shown value of every column (ties share it).

    Args:
        values: rows (block, label), columns (quantity, source).
        higher: whether a higher value is better, by quantity; those left out have no best value.
        exclude: labels that do not compete, such as the baseline.
    """
    rounded = values.round(2)
    rounded[rounded.index.get_level_values(-1).isin(list(exclude))] = math.nan
    mask = pd.DataFrame(False, values.index, values.columns)
    for column in values.columns:
        cells = rounded[column]
        if column[-2] in higher and cells.notna().any():
            mask[column] = cells == (cells.max() if higher[column[-2]] else cells.min())
    return mask


def caption(
    study_name: str, study: schema.Study, results: list[Results], code: TrainingCode | None = None
) -> str:
    """What every table and figure says of its numbers: study, data, n, budget and hardware.

    Args:
        study_name: its name.
        study: the configuration, for the methods' labels.
        results: the experiments shown.
        code: the present training code; None if runs of other code need no mark.
    """
    loud = any("stand-in" in r.provenance["data"]["label"].lower() for r in results)
    facts = "; ".join(dict.fromkeys(_facts(r) for r in results))
    start = f"{STANDIN} " if loud else ""
    holes = " ".join(_diverged(study, r) for r in results if r.diverged)
    old = [
        result.name
        for result in results
        if code and not all(code.trained(d, m) for m, found in result.code.items() for d in found)
    ]
    stale = f" {STALE.format(', '.join(old))}" if old else ""
    maps = "".join(f" {text}" for r in results for text in _parametrisations(study, r))
    maps += "".join(f" {text}" for r in results for text in tuned.sentences(study, r))
    return f"{start}Study: {study_name}. {facts}.{maps}{holes and ' ' + holes}{stale}"


def _parametrisations(study: schema.Study, results: Results) -> Iterator[str]:
    """Which methods' rotations are not the paper's map, and how far theirs have turned."""
    methods = study.experiments[results.name].methods
    for name in results.methods:
        chosen = methods[name].parameters.get("parametrisation")
        if chosen is None or chosen.value == "exponential":
            continue
        angle = largest_angles(results)[name].max()
        beyond = f", beyond the {ALIKE:g} up to which they train alike" if angle > ALIKE else ""
        yield (
            f"{methods[name].label}: {chosen.value.replace('_', '-')} rotations, not the paper's "
            f"exponential map; turned by up to {angle:.1f} rad{beyond}."
        )


def largest_angles(results: Results) -> pd.Series:
    """The largest plane angle of a run's rotations at any epoch, in radians: (method, seed) -> it.

    NaN where a method has no rotations.
    """
    history = results.history.set_index(["method", "seed"])
    return history.filter(regex="^rotation_angle/").max(axis=1).groupby(["method", "seed"]).max()


def _diverged(study: schema.Study, results: Results) -> str:
    """Which runs are missing from the numbers, and that they are."""
    methods = study.experiments[results.name].methods
    parts = (
        f"{methods[name].label} {len(seeds)} of {results.provenance['runs'][name]} "
        f"(seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))})"
        for name, seeds in results.diverged.items()
    )
    return f"Diverged and left out, {results.name}: {'; '.join(parts)}."


def _facts(results: Results) -> str:
    facts = results.provenance
    counts = sorted(set(facts["runs"].values()))
    n = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    epochs = " or ".join(str(e) for e in facts["epochs"])
    samples = facts["data"]["samples"]["train"]
    parts = [
        f"{facts['data']['label']}: n = {n} seed{'s' * (n != '1')}",
        f"{epochs} epoch{'s' * (epochs != '1')}",
        f"{samples:,} training sample{'s' * (samples != 1)}",
        " and ".join(facts["devices"]),
    ]
    precision = facts.get("precision", "float32")
    parts += [f"backbone in {precision}"] if precision != "float32" else []
    parts += ["network compiled"] if facts.get("compiled") else []
    return ", ".join(parts)
