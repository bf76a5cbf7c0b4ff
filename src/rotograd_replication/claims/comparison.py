"""Methods compared seed by seed, as a test of a claim asks for it.

A comparison's slack is by how much its relation is met. So every relation is one question: is the
mean slack above zero, below it, or can so few seeds not tell? Where a test asks for a share of the
seeds, the question is whether the slack is above zero in more than this share.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..results import quantities
from ..results.quantities import Quantity
from ..results.tidy import Results
from . import stats
from .schema import Claims, Test
from .verdict_file import Scale


@dataclass(frozen=True)
class Pair:
    """The common seeds of two methods, for one task or statistic.

    Attributes:
        method: The method's name.
        against: The other's name, or a number.
        task: The task, where each is compared on its own.
        ours: `[seeds]`.
        theirs: `[seeds]`.
        left_out: How many seeds miss a number of either: it is not finite, or there is no run.
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
        pair: What is compared.
        met: Whether each seed alone meets the relation, `[seeds]`.
        decisive: What the verdict is about, `[seeds]`: is its mean above or below zero? It is the
            slack or, where a share of the seeds is asked for, `met` as 1 and 0, minus that share.
        p: Two-sided, of that mean being zero; None below two seeds.
    """

    pair: Pair
    met: np.ndarray
    decisive: np.ndarray
    p: float | None


def compare(test: Test, claims: Claims, results: Results) -> list[Compared]:
    """Compare every method with every other, and on every task where each counts alone."""
    quantity = claims.quantities[test.quantity]
    return [
        compared(test, quantity, pair, claims.statistics.confidence.value)
        for pair in pairs(test, quantity, results)
    ]


def compared(test: Test, quantity: Quantity, pair: Pair, confidence: float) -> Compared:
    """Compare one pair."""
    difference, _ = differences(test, pair)
    decisive = slack(test, quantity, difference)
    met = slack(test, quantity, difference, np.sign(difference)) > 0
    many = len(met) > 1
    if test.share:
        needed = test.share.value
        p = float(stats.share_p(met.sum(), len(met), needed)) if many else None
        return Compared(pair, met, met - needed, p)
    return Compared(pair, met, decisive, stats.paired(decisive, confidence).p if many else None)


def pairs(test: Test, quantity: Quantity, results: Results) -> list[Pair]:
    """List the pairs of a test."""
    table = quantities.per_run(quantities.per_task(results, quantity), quantity)
    return [
        _pair(test, table[column], method, other, column if quantity.statistic == "each" else None)
        for method in test.methods
        for other in test.against
        for column in table.columns
    ]


def _pair(test: Test, column: pd.Series, method: str, other: str | float, task: str | None) -> Pair:
    ours = column[method]
    theirs = column[other] if isinstance(other, str) else pd.Series(float(other), ours.index)
    theirs = theirs.mask(theirs == 0) if test.percent else theirs
    both = pd.concat([ours, theirs], axis=1).sort_index()
    values = both.dropna().to_numpy(float)
    left_out = int(both.isna().any(axis=1).sum())
    return Pair(method, other, task, values[:, 0], values[:, 1], left_out)


def differences(test: Test, pair: Pair) -> tuple[np.ndarray, Scale]:
    """Compute method minus against, `[seeds]`; the scale is what it is measured in."""
    if test.percent:
        return 100 * (pair.ours / pair.theirs - 1), Scale.PERCENT
    if test.relation == "is noisier than":
        ours, theirs = (np.abs(x - np.median(x)) for x in (pair.ours, pair.theirs))
        return ours - theirs, Scale.SPREAD
    return pair.ours - pair.theirs, Scale.ABSOLUTE


def slack(
    test: Test, quantity: Quantity, difference: np.ndarray, side: np.ndarray | None = None
) -> np.ndarray:
    """Compute by how much the relation is met, `[seeds]`; negative where it is not.

    `is as good as` has a margin on both sides. Seeds on one side must not make up for seeds on the
    other. So the slack is to the side of their mean, or to each one's `side` (1 or -1).
    """
    margin = test.margin.value if test.margin else 0.0
    better = difference if quantity.direction == "higher" else -difference
    if test.relation == "is as good as":
        if side is None:  # where their mean is 0, either
            side = np.asarray(np.sign(np.mean(difference)) or 1.0)
        return margin - side * difference
    return {
        "is better than": better - margin,
        "is worse than": -better - margin,
        "is not better than": margin - better,
        "is not worse than": margin + better,
        "is noisier than": difference - margin,
    }[test.relation]
