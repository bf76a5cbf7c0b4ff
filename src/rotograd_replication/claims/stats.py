"""Statistics of few seeds: pure functions of arrays whose first axis is the seeds.

A median gets a bootstrap interval; two methods are compared by their paired differences, because
runs of one seed share initialisation, data order and baseline. SciPy has the distributions
(`special`: `stats` would cost every call of the verb two seconds of imports).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

Statistic = Callable[[np.ndarray], np.ndarray]
# No study will train more seeds than this: such a difference counts as none.
MOST_SEEDS = 1000
# In standard deviations; beyond it SciPy's noncentral t does not converge, and few seeds do.
GREATEST_EFFECT = 10.0


@dataclass(frozen=True)
class Paired:
    """A mean difference with its two-sided Student interval and p-value against zero."""

    mean: float
    low: float
    high: float
    p: float


def bootstrap(
    scores: np.ndarray,
    statistic: Statistic,
    strata: Sequence[Sequence[int]],
    confidence: float,
    resamples: int,
) -> tuple[float, float]:
    """Compute a percentile interval of the median over seeds of a statistic over tasks.

    What was trained together is drawn together: tasks of one network share its luck, and drawing
    them apart, as for separate environments (Agarwal et al., NeurIPS 2021), makes an interval of
    their average far too narrow. The generator is seeded: the same scores give the same interval.

    Args:
        scores: `[seeds, tasks]`, finite.
        statistic: `[..., tasks]` -> `[...]`.
        strata: The columns of each group of tasks whose seeds are drawn together.
        confidence: The share of intervals that should cover, between 0 and 1.
        resamples: How many times seeds are drawn, with replacement.

    Returns:
        Its ends. With n seeds it covers at most `coverage(n)`.
    """
    random = np.random.default_rng(0)
    seeds = len(scores)
    drawn = np.empty((resamples, *scores.shape))
    for columns in strata:
        rows = random.integers(seeds, size=(resamples, seeds))
        drawn[:, :, columns] = scores[rows][:, :, columns]
    medians = np.median(statistic(drawn), axis=1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(medians, [tail, 1 - tail])
    return float(low), float(high)


def coverage(seeds: int) -> float:
    """Bound how often an interval between the extremes of `seeds` runs covers their true median.

    Each run is above the median with probability one half.
    """
    return 1 - 2.0 ** (1 - seeds)


def paired(differences: np.ndarray, confidence: float) -> Paired:
    """Apply Student's t to the mean of `[seeds]` differences, at least two of them.

    Differences without any spread are certain: the interval is a point.
    """
    mean = float(np.mean(differences))
    if np.ptp(differences) == 0:
        return Paired(mean, mean, mean, float(mean == 0))
    degrees = len(differences) - 1
    error = float(np.std(differences, ddof=1)) / math.sqrt(len(differences))
    p = 2 * float(special.stdtr(degrees, -abs(mean) / error))
    half = error * float(special.stdtrit(degrees, (1 + confidence) / 2))
    return Paired(mean, mean - half, mean + half, p)


def share(met: int, seeds: int, confidence: float) -> tuple[float, float]:
    """Compute the interval of the share of seeds that meet something, where `met` of `seeds` did.

    Clopper and Pearson, Biometrika 26 (1934): it covers at least `confidence` of the time.
    """
    tail = (1 - confidence) / 2
    low = float(special.betaincinv(met, seeds - met + 1, tail)) if met else 0.0
    high = float(special.betaincinv(met + 1, seeds - met, 1 - tail)) if met < seeds else 1.0
    return low, high


def share_p(met: np.ndarray | int, seeds: int, needed: float) -> np.ndarray:
    """Compute exact two-sided p-values of `met` of `seeds` against a true share of `needed`.

    Twice the smaller tail of the binomial distribution: below 1 - `confidence` exactly where the
    interval of `share` leaves `needed` out.

    Args:
        met: Numbers of seeds, `[...]`.
        seeds: All of them.
        needed: Between 0 and 1.
    """
    met = np.asarray(met)
    below = special.bdtr(met, seeds, needed)
    above = np.where(met > 0, special.bdtrc(np.maximum(met - 1, 0), seeds, needed), 1.0)
    return np.minimum(1.0, 2 * np.minimum(below, above))


def improvement(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Estimate the probability that a run of ours is above one of theirs; ties count one half.

    Over all pairs of `[seeds]`: the Mann-Whitney statistic as a share.
    """
    above = ours[:, None] > theirs[None]
    ties = ours[:, None] == theirs[None]
    return float(np.mean(above + 0.5 * ties))


def holm(p: np.ndarray) -> np.ndarray:
    """Correct p-values `[comparisons]` by Holm's method: it bounds the chance of any false finding.

    Source: Holm, Scandinavian Journal of Statistics 6 (1979). SciPy has false discovery rates only.
    """
    order = np.argsort(p)
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def seeds_needed(mean: float, spread: float, level: float, power: float) -> int | None:
    """Compute how many seeds decide, if mean and spread of the differences are as observed.

    The smallest n at which a two-sided paired t-test finds the difference with probability `power`
    (noncentral t).

    Args:
        mean: Of the differences.
        spread: Their standard deviation (`ddof=1`).
        level: Of the test.
        power: Between 0 and 1.

    Returns:
        The number of seeds in all, or None where more than `MOST_SEEDS` are needed.
    """
    if spread == 0:
        return 2 if mean else None
    effect = min(abs(mean) / spread, GREATEST_EFFECT)
    few, many = 1, 2
    while _power(many, effect, level) < power:
        few, many = many, 2 * many
        if few >= MOST_SEEDS:
            return None
    while many - few > 1:
        middle = (few + many) // 2
        reached = _power(middle, effect, level) >= power
        few, many = (few, middle) if reached else (middle, many)
    return many if many <= MOST_SEEDS else None


def share_seeds_needed(observed: float, needed: float, level: float, power: float) -> int | None:
    """Compute how many seeds decide, if the share that meets the relation is as observed.

    The smallest n at which `share_p` is below `level` with probability `power`.

    Args:
        observed: Share of seeds, from 0 to 1.
        needed: The share that it is compared with.
        level: Of the test.
        power: Between 0 and 1.

    Returns:
        The number of seeds in all, or None where more than `MOST_SEEDS` are needed.
    """
    for seeds in range(2, MOST_SEEDS + 1):
        met = np.arange(seeds + 1)
        steps = special.bdtr(met, seeds, observed)
        chances = np.diff(steps, prepend=0.0)
        if chances[share_p(met, seeds, needed) < level].sum() >= power:
            return seeds
    return None


def _power(seeds: int, effect: float, level: float) -> float:
    """Compute the chance that a two-sided paired t-test finds `effect`, in standard deviations."""
    critical = special.stdtrit(seeds - 1, 1 - level / 2)
    return 1 - float(special.nctdtr(seeds - 1, math.sqrt(seeds) * effect, critical))
