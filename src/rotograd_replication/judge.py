"""One test of a claim on the results of one study: its comparisons, and whether it holds.

Methods are compared seed by seed. A comparison's slack is by how much its relation is met, so that
every relation is one question: is the mean slack above zero, below it, or can too few seeds not
tell? The p-values of a test's comparisons are corrected by Holm's method.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from . import inference, schema, scores
from .claims import Claims, Quantity, Test
from .results import Results

HOLDS, FAILS, OPEN = "holds", "does not hold", "inconclusive"
ABSOLUTE, PERCENT = "absolute", "percent of against"
SPREAD = "absolute deviation from the median"


@dataclass(frozen=True)
class Pair:
    """What one comparison is made of: the common seeds of two methods, for one task or statistic.

    Attributes:
        method: the method's name.
        against: the other's name, or the number that stands in for it.
        task: the task, where each is compared on its own.
        ours: `[seeds]`.
        theirs: `[seeds]`.
        left_out: values of either that are missing: no finite number, or no run.
    """

    method: str
    against: str | float
    task: str | None
    ours: np.ndarray
    theirs: np.ndarray
    left_out: int


def pairs(test: Test, quantity: Quantity, found: Results) -> list[Pair]:
    """Every method with every other, and with every task where each counts alone.

    Raises:
        KeyError: a method has no runs; its argument is the method's name.
    """
    table = scores.over_tasks(scores.tasks(found, quantity), quantity)
    methods = set(table.index.get_level_values("method"))
    for name in (*test.methods, *test.against):
        if isinstance(name, str) and name not in methods:
            raise KeyError(name)
    return [
        _pair(table[column], method, other, column if quantity.statistic == "each" else None)
        for method in test.methods
        for other in test.against
        for column in table.columns
    ]


def _pair(column: pd.Series, method: str, other: str | float, task: str | None) -> Pair:
    ours = column[method]
    theirs = column[other] if isinstance(other, str) else pd.Series(float(other), ours.index)
    both = pd.concat([ours, theirs], axis=1).sort_index()
    whole = both.dropna()
    values = whole.to_numpy(float)
    left_out = int(both.isna().to_numpy().sum())
    return Pair(method, other, task, values[:, 0], values[:, 1], left_out)


def differences(test: Test, pair: Pair) -> tuple[np.ndarray, str]:
    """Method minus against, `[seeds]`, and in what it is measured."""
    if test.percent:
        return 100 * (pair.ours / pair.theirs - 1), PERCENT
    if test.relation == "is noisier than":
        ours, theirs = (np.abs(x - np.median(x)) for x in (pair.ours, pair.theirs))
        return ours - theirs, SPREAD
    return pair.ours - pair.theirs, ABSOLUTE


def slack(test: Test, quantity: Quantity, difference: np.ndarray) -> np.ndarray:
    """By how much the relation is met, `[seeds]`; negative where it is not."""
    margin = test.margin.value if test.margin else 0.0
    better = difference if quantity.direction == "higher" else -difference
    if test.relation == "is as good as":
        # Seeds on one side of the margin must not make up for seeds on the other.
        return margin - np.sign(np.mean(difference)) * difference
    return {
        "is better than": better - margin,
        "is worse than": -better - margin,
        "is not better than": margin - better,
        "is not worse than": margin + better,
        "is noisier than": difference - margin,
    }[test.relation]


def run(test: Test, claims: Claims, study: schema.Study, found: Results) -> dict[str, Any]:
    """Judge one test; stand-ins and the study's own setting are the caller's business.

    Returns:
        `n`, `verdict`, `leaning`, `more_seeds` and `comparisons`, as `verdict` describes them.

    Raises:
        KeyError: a method has no runs; its argument is the method's name.
    """
    quantity = claims.quantities[test.quantity]
    minimum = claims.experiments[test.experiment].minimum_n.value
    methods = study.experiments[test.experiment].methods
    level = 1 - claims.statistics.confidence.value
    compared = pairs(test, quantity, found)
    slacks = [slack(test, quantity, differences(test, pair)[0]) for pair in compared]
    paired = [inference.paired(s, 1 - level) if len(s) > 1 else None for s in slacks]
    known = [p.p for p in paired if p]
    adjusted = iter(inference.holm(np.array(known)))
    comparisons = []
    for pair, met, result in zip(compared, slacks, paired, strict=True):
        p_adjusted = float(next(adjusted)) if result else None
        verdict = decide(met, p_adjusted, minimum, level)
        needed = more_seeds(met, minimum, level / len(compared), claims) if verdict == OPEN else 0
        comparisons.append(
            _record(test, quantity, pair, methods, 1 - level)
            | {"p": result.p if result else None, "p_adjusted": p_adjusted}
            | {"verdict": verdict, "leaning": leaning(met), "more_seeds": needed}
        )
    return {
        "n": min(len(pair.ours) for pair in compared),
        **together(comparisons, first=FAILS if test.need == "all" else HOLDS),
        "comparisons": comparisons,
    }


def together(parts: Sequence[dict[str, Any]], first: str) -> dict[str, Any]:
    """What the verdicts of parts make of a whole, where they lean and what would decide it.

    Args:
        parts: with `verdict` (holds, does not hold or inconclusive), `leaning` and `more_seeds`.
        first: the verdict that decides the whole as soon as one part has it.

    Returns:
        `verdict`, `leaning` and `more_seeds` of the whole. If a part leans to `first`, the nearest
        such part decides; else all must be decided.
    """
    verdicts = {part["verdict"] for part in parts}
    if first in verdicts or OPEN not in verdicts:
        verdict = first if first in verdicts else _other(first)
        return {"verdict": verdict, "leaning": verdict, "more_seeds": 0}
    early = [part for part in parts if part["verdict"] == OPEN and part["leaning"] == first]
    needed = [part["more_seeds"] for part in early or parts]
    known = [n for n in needed if n is not None]
    most = min(known, default=None) if early else max(known) if len(known) == len(needed) else None
    lean = first if early else None if None in {p["leaning"] for p in parts} else _other(first)
    return {"verdict": OPEN, "leaning": lean, "more_seeds": most}


def _other(verdict: str) -> str:
    return FAILS if verdict == HOLDS else HOLDS


def leaning(met: np.ndarray) -> str | None:
    """Where the observed slack points, decided or not."""
    mean = float(np.mean(met)) if len(met) else 0.0
    return None if mean == 0 else HOLDS if mean > 0 else FAILS


def decide(met: np.ndarray, p_adjusted: float | None, minimum: int, level: float) -> str:
    """The verdict on one comparison's slack, `[seeds]`.

    Where one run is all that the claim rests on, its sign decides; else the corrected p-value.
    """
    if len(met) < max(minimum, 1):
        return OPEN
    if p_adjusted is None:
        return HOLDS if met[0] > 0 else FAILS
    if p_adjusted >= level:
        return OPEN
    return HOLDS if np.mean(met) > 0 else FAILS


def more_seeds(met: np.ndarray, minimum: int, level: float, claims: Claims) -> int | None:
    """How many seeds beyond those at hand would decide; None where no number of seeds may."""
    missing = max(minimum - len(met), 0)
    if len(met) < 2:
        return missing or None
    spread = float(np.std(met, ddof=1))
    power = claims.statistics.power.value
    needed = inference.seeds_needed(float(np.mean(met)), spread, level, power)
    return None if needed is None else max(needed - len(met), missing, 1)


def _record(
    test: Test, quantity: Quantity, pair: Pair, methods: dict[str, schema.Method], confidence: float
) -> dict[str, Any]:
    difference, scale = differences(test, pair)
    interval = inference.paired(difference, confidence) if len(difference) > 1 else None
    other = pair.against if isinstance(pair.against, str) else None
    sign = 1 if quantity.direction == "higher" else -1
    seeds = len(difference)
    chance = inference.improvement(sign * pair.ours, sign * pair.theirs) if seeds else None
    return {
        "method": pair.method,
        "label": methods[pair.method].label,
        "against": other,
        "against_label": methods[other].label if other else f"{pair.against:g}",
        "task": pair.task,
        "n": seeds,
        "left_out": pair.left_out,
        "difference": float(np.mean(difference)) if seeds else None,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "scale": scale,
        "improvement": chance,
        "margin": test.margin.value if test.margin else 0.0,
    }
