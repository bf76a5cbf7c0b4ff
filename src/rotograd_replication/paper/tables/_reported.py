"""Replicated numbers next to the paper's: a table of the paper is a declaration of its columns.

Every cell is a quantity of `configs/paper/quantities.yaml`, computed as for the verdicts. A table
takes other experiments than the paper's, too: they have no reported numbers.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pandas as pd

from ...config import schema
from ...results import convergence, quantities, relative_improvement
from ...results.quantities import Paper
from ...results.tidy import Results
from .. import caption, table_format, words
from ..caption import REPORTED

ROWS = ["block", "method"]
COLUMNS = ["quantity", "source"]
PARTS = ("value", "std", "runs")
Cell = Sequence[float] | pd.Series
NO_CELL = (math.nan, math.nan, math.nan)
F1_OVER_BATCHES = (
    "Convention: the official example's; F1 is the plain mean over batches of the training's size, "
    "where the other table's is of the whole test split; the paper does not say which its own is."
)
Remark = Callable[[dict[str, Results], schema.Study, Paper], str]
# (block, method, what its label ends in) of each row, of the methods that were run.
Rows = Callable[[dict[str, schema.Method], list[str]], Iterable[tuple[str, str, str]]]


def plain_rows(methods: dict[str, schema.Method], run: list[str]) -> Iterable[tuple[str, str, str]]:
    """Give a row to each method that was run, in the configured order, without blocks."""
    return (("", name, "") for name in methods if name in run)


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper; its plug-in's `build` is an instance.

    Attributes:
        title: One line; `{}` is what the experiments are of.
        columns: Quantity -> its heading, or (group, heading).
        subjects: Dataset's module -> what the title says of it; other experiments give theirs.
        groups: Dataset or network's module -> the heading of an experiment's columns. Experiments
            are groups of columns where it names any, or where there are several.
        rows: Which rows there are.
        convention: How metrics are averaged (`tidy.Results.tests_by`).
        start: A sentence that comes first in the caption.
        clause: What the caption says of the numbers, after a semicolon.
        remark: Sentences that end the caption.
    """

    title: str
    columns: dict[str, str] | dict[str, tuple[str, str]]
    subjects: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    rows: Rows = plain_rows
    convention: str = ""
    start: str = ""
    clause: Remark | None = None
    remark: Remark | None = None

    def __call__(
        self, results: dict[str, Results], study: schema.Study, paper: Paper, said: str
    ) -> table_format.Table:
        """Build the table: medians and standard deviations over seeds, next to the paper's.

        Args:
            results: The experiments that have runs, by name.
            study: The configuration.
            paper: The paper's quantities and numbers.
            said: What the caption says of the runs.
        """
        places = self._places(study, results)
        cells: dict[tuple[str, ...], Cell] = {}
        separate: set[str] = set()
        for experiment, found in results.items():
            methods = study.experiments[experiment].methods
            ours = {
                metric: quantities.summaries(found, paper.quantities[metric], self.convention)
                for metric in self.columns
            }
            for block, name, end in self.rows(methods, found.methods):
                method = methods[name]
                row = label(method, name, results.values()) + end
                separate |= {row} if method.separate else set()
                for metric in self.columns:
                    # The single-task networks improve on themselves by nothing, by definition.
                    own = method.separate and paper.quantities[metric].of == "delta"
                    key = (block, row, *places[experiment, metric])
                    cells[*key, "replicated"] = NO_CELL if own else ours[metric](name)
                    cells[*key, "reported"] = _printed(paper.cell(experiment, name, method, metric))
        reported = {k[2:-1] for k, c in cells.items() if k[-1] == "reported" and c[2] == c[2]}
        cells = {k: c for k, c in cells.items() if k[-1] != "reported" or k[2:-1] in reported}
        title = self.title.format(" and ".join(self._subjects(study, results)))
        text = self._caption(results, study, paper, said, bool(separate))
        higher = {
            place[-1]: paper.quantities[metric].direction == "higher"
            for (_, metric), place in places.items()
        }
        made = table(title, text, cells, higher=higher, exclude=separate)
        for (experiment, metric), place in places.items():
            printed = (*place, "reported")
            if printed in made.best:  # the best may be of a method that was not run
                best = paper.best(experiment, metric)
                if best is not None:
                    made.best[printed] = made.values[printed] == best
        return made

    def _places(
        self, study: schema.Study, results: dict[str, Results]
    ) -> dict[tuple[str, str], tuple[str, ...]]:
        """Give the headings over the column of each experiment's metric, outermost first."""
        headings = self.headings(study, results)
        grouped = bool(self.groups) or len(results) > 1
        return {
            (experiment, metric): (
                *((headings[experiment],) if grouped else ()),
                *((heading,) if isinstance(heading, str) else heading),
            )
            for experiment in results
            for metric, heading in self.columns.items()
        }

    def _caption(
        self,
        results: dict[str, Results],
        study: schema.Study,
        paper: Paper,
        said: str,
        separate: bool,
    ) -> str:
        """Say what the runs are, what a number is, and what is missing or in doubt."""
        of = {paper.quantities[metric].of for metric in self.columns}
        clauses = ["Median ± standard deviation over seeds"]
        clauses += ["the single-task row does not compete"] if separate else []
        clauses += [self.clause(results, study, paper)] if self.clause else []
        sentences = [said, self.start, "; ".join(clauses) + "."]
        if "delta" in of:
            sentences += caption.undefined(results.values(), self.convention)
        if "hours" in of:
            sentences += [found.several_machines for found in results.values()]
        sentences += caption.unrecorded(study, results.values(), self.convention)
        if "delta" in of:
            sentences += map(convergence.sentence, results.values())
        sentences += self._without_base(results, study, paper)
        sentences += [paper.experiments[e].doubt for e in results if e in paper.experiments]
        sentences += [self.remark(results, study, paper)] if self.remark else []
        sentences += self._doubts(results, study, paper)
        return " ".join(filter(None, sentences))

    def headings(self, study: schema.Study, results: Iterable[str]) -> dict[str, str]:
        """Name the columns of each experiment, by its title if two would have the same name."""
        chosen = {name: study.experiments[name] for name in results}
        found = {
            name: self.groups.get(e.dataset) or self.groups.get(e.network.module) or e.title
            for name, e in chosen.items()
        }
        distinct = len(set(found.values())) == len(found)
        return found if distinct else {name: e.title for name, e in chosen.items()}

    def _doubts(
        self, results: dict[str, Results], study: schema.Study, paper: Paper
    ) -> Iterator[str]:
        """Say which of the paper's numbers that are shown are in doubt, and why."""
        said = []
        for experiment, found in results.items():
            for name, method in study.experiments[experiment].methods.items():
                for metric in self.columns if name in found.methods else ():
                    row = paper.cell(experiment, name, method, metric)
                    if row and row["note"]:
                        said.append((row["note"], method.label))
        for note, labels in words.joined(said).items():
            yield f"Reported {labels}: {note}."

    def _without_base(
        self, results: dict[str, Results], study: schema.Study, paper: Paper
    ) -> Iterator[str]:
        """Say which columns are empty because the method that they are divided by is not there."""
        for metric, heading in self.columns.items():
            over = paper.quantities[metric].over
            if over is None:
                continue
            for experiment, found in results.items():
                base = found.seeds.get(over, [])
                if set(base) <= set(found.diverged.get(over, [])):
                    name = heading if isinstance(heading, str) else heading[-1]
                    why = "every run diverged" if base else "there is no run"
                    yield f"{experiment}: {name[:-2]} is undefined: {why} of `{over}`."

    def _subjects(self, study: schema.Study, results: Iterable[str]) -> list[str]:
        """Say of what the experiments are, each thing once."""
        chosen = [study.experiments[name] for name in results]
        modules = [study.datasets[e.dataset].module for e in chosen]
        named = (self.subjects.get(m, e.title) for m, e in zip(modules, chosen, strict=True))
        return list(dict.fromkeys(named))


def _printed(row: quantities.Row | None) -> Cell:
    """Return the paper's cell, empty where it prints none."""
    if row is None:
        return NO_CELL
    return (row["value"], math.nan if row["std"] is None else row["std"], row["runs"])


def label(method: schema.Method, name: str, results: Iterable[Results]) -> str:
    """Name a row, with what is missing from its numbers: `Vanilla (4/5, 1 diverged)`."""
    results = list(results)
    holes = []
    for found in results:
        if lost := len(found.diverged.get(name, [])):
            total = found.provenance["runs"][name]
            of = f"{found.name}: " if len(results) > 1 else ""
            holes.append(f"{of}{total - lost}/{total}, {lost} diverged")
    return f"{method.label} ({'; '.join(holes)})" if holes else method.label


def over_seeds(values: pd.Series) -> pd.Series:
    """Median, std and runs of one number per seed; no number where no seed has one."""
    if values.empty:
        return pd.Series({"value": math.nan, "std": math.nan, "runs": 0})
    runs = pd.DataFrame({"method": "", "value": values}).set_index("method", append=True)
    return relative_improvement.over_seeds(runs["value"]).iloc[0]


def table(
    title: str,
    text: str,
    cells: dict[tuple[str, ...], Cell],
    higher: dict[str, bool],
    exclude: Iterable[str] = (),
    decimals: int = 2,
) -> table_format.Table:
    """Build a table from its cells.

    Args:
        title: one line.
        text: The caption.
        cells: (block, method label, *column) -> value, std and runs, in the order of the rows.
        higher: Whether a higher value is better, by quantity; those left out have no best value.
        exclude: Labels that do not compete.
        decimals: Of every number.
    """
    data = any(len(key) == 5 for key in cells)
    levels = [*ROWS, "data", *COLUMNS] if data else [*ROWS, *COLUMNS]
    if not cells:
        empty = pd.DataFrame(
            index=pd.MultiIndex.from_tuples([], names=ROWS),
            columns=pd.MultiIndex.from_tuples([], names=COLUMNS),
            dtype=float,
        )
        return table_format.Table(title, text, empty, empty, empty, empty, decimals)
    if any(key[-1] == "reported" for key in cells):
        text += f" {REPORTED}"
    index = pd.MultiIndex.from_tuples(cells, names=levels)
    long = pd.DataFrame([tuple(cell) for cell in cells.values()], index, PARTS)
    rows = pd.MultiIndex.from_tuples(dict.fromkeys(key[:2] for key in cells), names=ROWS)
    columns = pd.MultiIndex.from_tuples(dict.fromkeys(key[2:] for key in cells), names=levels[2:])
    values, spreads, runs = (
        long[part].unstack(levels[2:]).reindex(index=rows, columns=columns).astype(float)
        for part in PARTS
    )
    best = table_format.best(values, higher, exclude, decimals)
    return table_format.Table(title, text, values, spreads, runs, best, decimals)
