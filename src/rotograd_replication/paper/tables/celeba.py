"""Table 4: F1 over CelebA's forty tasks, and the hours that a run takes, with two networks.

Source: RotoGrad, section 6.3. Hours depend on the machine: those relative to vanilla, which the
paper's follow from, can be compared.
"""

import math

import pandas as pd

from ...config import schema
from ...results import relative_improvement
from ...results.tidy import Results
from ..table_format import Table
from . import _compare

# Experiment -> its name in the reported numbers, and its heading.
PAPER = {
    "celeba_conv": ("celeba_conv", "Convolutional"),
    "celeba_resnet": ("celeba_resnet18", "ResNet18"),
}
# Reported metric -> heading. A smaller spread between tasks is what the paper looks for.
STATISTICS = {"min": "min F1 ↑", "med": "med F1 ↑", "avg": "avg F1 ↑", "std": "std F1 ↓"}
HOURS, RELATIVE = "hours ↓", "hours / vanilla ↓"
PARTS = list(_compare.PARTS)


def build(
    results: dict[str, Results], study: schema.Study, reported: pd.DataFrame, caption: str
) -> Table:
    """Median and standard deviation over seeds of F1's statistics over tasks; median hours."""
    cells = {}
    for experiment, found in results.items():
        name, heading = PAPER[experiment]
        methods = study.experiments[experiment].methods
        ours = relative_improvement.over_seeds(over_tasks(found.tests))
        hours, relative = _compare.cost(found)
        paper = {m: _paper(reported, name, m, methods[m]) for m in methods}
        for method in (m for m in methods if m in found.methods):
            row = ("", _compare.label(methods[method], method, results.values()))
            mine = {k: ours.loc[method, k] for k in STATISTICS}
            mine |= {HOURS: hours.loc[method], RELATIVE: relative.loc[method]}
            for key, quantity in (STATISTICS | {HOURS: HOURS, RELATIVE: RELATIVE}).items():
                column = (*row, heading, quantity)
                cells[*column, "replicated"] = mine[key]
                cells[*column, "reported"] = _reported(paper, method, key)
    return _compare.table(
        "CelebA, 40 binary tasks: F1 (%) over tasks, and hours per run",
        f"{caption} Median ± standard deviation over seeds. {_shares(results, study)} "
        f"{_negative(results)}{_notes(reported, results)}",
        cells,
        higher={q: "↑" in q for q in (*STATISTICS.values(), HOURS, RELATIVE)},
    )


def over_tasks(tests: pd.DataFrame) -> pd.DataFrame:
    """Minimum, median, mean and standard deviation (`ddof=1`) of F1 in percent, per run.

    A run that lacks a task's value is NaN: a mean over fewer tasks would be another quantity.
    """
    groups = (100 * tests.set_index(["method", "seed"])["value"]).groupby(level=[0, 1], sort=False)
    summary = groups.agg(min="min", med="median", avg="mean", std="std")
    return summary.mask(groups.count() < groups.size())


def _cell(value: float, runs: float) -> pd.Series:
    """A number without a spread."""
    return pd.Series([value, math.nan, runs], PARTS)


def _paper(
    reported: pd.DataFrame, experiment: str, name: str, method: schema.Method
) -> pd.DataFrame:
    return _compare.reported(reported, experiment, (method.reported_as, name))


def _reported(paper: dict[str, pd.DataFrame], method: str, key: str) -> pd.Series:
    """The paper's cell; its relative hours follow from its hours."""
    if key in STATISTICS:
        return paper[method].reindex([f"{key}_f1"]).iloc[0]
    hours = paper[method].reindex(["hours"]).iloc[0]
    if key == HOURS or _compare.REFERENCE not in paper:
        return hours if key == HOURS else hours * math.nan
    base = paper[_compare.REFERENCE].reindex(["hours"]).iloc[0]["value"]
    return _cell(hours["value"] / base, hours["runs"])


def _shares(results: dict[str, Results], study: schema.Study) -> str:
    """What is rotated: the share differs between the networks, so rows cannot say it."""
    parts = []
    for experiment, found in results.items():
        methods = study.experiments[experiment].methods
        turned = [methods[m].parameters for m in found.methods if methods[m].module == "rotate"]
        shares = {p["m"].value if "m" in p else "all" for p in turned}
        size = " or ".join(str(share) for share in sorted(shares, key=str))
        heading = PAPER[experiment][1]
        rotated = f", {size} of it rotated" if turned else ""
        parts.append(f"{heading}: d = {found.provenance['features']}{rotated}")
    return "; ".join(parts) + "."


def _negative(results: dict[str, Results]) -> str:
    """How many cells have found no positive at all."""
    values = pd.concat([found.tests["value"] for found in results.values()])
    return (
        "A task whose positives are all missed has F1 = 0: "
        f"{(values == 0).sum()} of {len(values)} (task, run) cells."
    )


def _notes(reported: pd.DataFrame, results: dict[str, Results]) -> str:
    """What the reported numbers leave in doubt, in the words of their file."""
    shown = reported[reported["experiment"].isin([PAPER[e][0] for e in results])]
    doubts = shown.dropna(subset="note").drop_duplicates(["method", "note"])
    return "".join(
        f" Reported {m}: {n}." for m, n in zip(doubts["method"], doubts["note"], strict=True)
    )
