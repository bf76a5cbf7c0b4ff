"""The tests of a claim on the results of one study: their comparisons, and whether they hold.

Methods are compared seed by seed. A comparison's slack is by how much its relation is met, so that
every relation is one question: is the mean slack above zero, below it, or can too few seeds not
tell? Where a test asks for a share of the seeds, the question is whether the slack is above zero in
more than this share. One refuted test refutes a claim, so that the p-values of all comparisons of
all its tests are corrected together, by Holm's method: a true claim is refuted by chance at most as
often as one true comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..config import schema
from ..results import quantities
from ..results.quantities import Quantity
from ..results.tidy import Results
from . import stats
from .schema import Claims, Test

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


@dataclass(frozen=True)
class Compared:
    """A comparison before its p-value is corrected.

    Attributes:
        pair: what is compared.
        met: whether each seed alone meets the relation, `[seeds]`.
        decisive: `[seeds]`, whose mean above or below zero is the verdict: the slack or, where a
            share of the seeds is asked for, `met` as 1 and 0, minus that share.
        p: two-sided, of that mean being zero; None below two seeds.
    """

    pair: Pair
    met: np.ndarray
    decisive: np.ndarray
    p: float | None


def compare(test: Test, claims: Claims, found: Results) -> list[Compared]:
    """Every method with every other, and with every task where each counts alone."""
    quantity = claims.quantities[test.quantity]
    return [
        compared(test, quantity, pair, claims.statistics.confidence.value)
        for pair in pairs(test, quantity, found)
    ]


def compared(test: Test, quantity: Quantity, pair: Pair, confidence: float) -> Compared:
    """One comparison, seed by seed."""
    difference, _ = differences(test, pair)
    decisive = slack(test, quantity, difference)
    met = slack(test, quantity, difference, np.sign(difference)) > 0
    many = len(met) > 1
    if test.share:
        needed = test.share.value
        p = float(stats.share_p(met.sum(), len(met), needed)) if many else None
        return Compared(pair, met, met - needed, p)
    return Compared(pair, met, decisive, stats.paired(decisive, confidence).p if many else None)


def pairs(test: Test, quantity: Quantity, found: Results) -> list[Pair]:
    """What the comparisons of a test are made of."""
    table = quantities.per_run(quantities.per_task(found, quantity), quantity)
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


def slack(
    test: Test, quantity: Quantity, difference: np.ndarray, side: np.ndarray | None = None
) -> np.ndarray:
    """By how much the relation is met, `[seeds]`; negative where it is not.

    `is as good as` has a margin on both sides. Seeds on one side must not make up for seeds on the
    other, so that the slack is to the side of their mean, or to each one's `side` (1 or -1).
    """
    margin = test.margin.value if test.margin else 0.0
    better = difference if quantity.direction == "higher" else -difference
    if test.relation == "is as good as":
        side = np.sign(np.mean(difference)) if side is None else side
        return margin - side * difference
    return {
        "is better than": better - margin,
        "is worse than": -better - margin,
        "is not better than": margin - better,
        "is not worse than": margin + better,
        "is noisier than": difference - margin,
    }[test.relation]


def run(
    tests: Sequence[Test], claims: Claims, study: schema.Study, results: dict[str, Results]
) -> list[dict[str, Any]]:
    """Judge the tests of one claim; stand-ins and what is as published are the caller's business.

    Args:
        tests: those that results can decide: all their methods have runs.
        claims: for quantities, minima and statistics.
        study: for the methods' labels.
        results: by experiment.

    Returns:
        For each, `n`, `verdict`, `leaning`, `more_seeds` and `comparisons`, as `verdict` describes
        them.
    """
    compared = [compare(test, claims, results[test.experiment]) for test in tests]
    p = np.array([one.p for ones in compared for one in ones], float)
    known = ~np.isnan(p)
    adjusted = np.full(len(p), np.nan)
    adjusted[known] = stats.holm(p[known])
    rest = iter(adjusted.tolist())
    return [
        _conclude(test, claims, study, [(one, next(rest)) for one in ones], len(p))
        for test, ones in zip(tests, compared, strict=True)
    ]


def _conclude(
    test: Test,
    claims: Claims,
    study: schema.Study,
    compared: list[tuple[Compared, float]],
    family: int,
) -> dict[str, Any]:
    """One test's record, from its comparisons with their corrected p-values, of `family` in all."""
    minimum = claims.experiments[test.experiment].minimum_n.value
    level = 1 - claims.statistics.confidence.value
    comparisons = []
    for one, p in compared:
        verdict = decide(one.decisive, p, minimum, level)
        needed = more_seeds(test, one, minimum, level / family, claims) if verdict == OPEN else 0
        comparisons.append(
            _record(test, claims, study, one)
            | {"p": one.p, "p_adjusted": None if one.p is None else p}
            | {"verdict": verdict, "leaning": leaning(one.decisive), "more_seeds": needed}
        )
    return {
        "n": min(len(one.met) for one, _ in compared),
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


def leaning(decisive: np.ndarray) -> str | None:
    """Where the observed mean points, decided or not."""
    mean = float(np.mean(decisive)) if len(decisive) else 0.0
    return None if mean == 0 else HOLDS if mean > 0 else FAILS


def decide(decisive: np.ndarray, p_adjusted: float, minimum: int, level: float) -> str:
    """The verdict on one comparison, `[seeds]`: its sign, where the corrected p-value is small.

    `p_adjusted` is NaN below two seeds, which decide nothing.
    """
    if len(decisive) < minimum or not p_adjusted < level:
        return OPEN
    return HOLDS if np.mean(decisive) > 0 else FAILS


def more_seeds(test: Test, one: Compared, minimum: int, level: float, claims: Claims) -> int | None:
    """How many seeds beyond those at hand would decide; None where no number of seeds may."""
    seeds, power = len(one.met), claims.statistics.power.value
    missing = max(minimum - seeds, 0)
    if seeds < 2:
        return missing or None
    if test.share:
        observed = float(np.mean(one.met))
        needed = stats.share_seeds_needed(observed, test.share.value, level, power)
    else:
        spread = float(np.std(one.decisive, ddof=1))
        needed = stats.seeds_needed(float(np.mean(one.decisive)), spread, level, power)
    return None if needed is None else max(needed - seeds, missing, 1)


def _record(test: Test, claims: Claims, study: schema.Study, one: Compared) -> dict[str, Any]:
    """A comparison as `verdict` describes it, without what its p-value decides."""
    pair, quantity = one.pair, claims.quantities[test.quantity]
    methods = study.experiments[test.experiment].methods
    confidence = claims.statistics.confidence.value
    difference, scale = differences(test, pair)
    interval = stats.paired(difference, confidence) if len(difference) > 1 else None
    other = pair.against if isinstance(pair.against, str) else None
    sign = 1 if quantity.direction == "higher" else -1
    seeds = len(difference)
    chance = stats.improvement(sign * pair.ours, sign * pair.theirs) if seeds else None
    met = int(np.sum(one.met))
    low, high = stats.share(met, seeds, confidence) if seeds else (None, None)
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
        "met": met,
        "share_low": low,
        "share_high": high,
    }
