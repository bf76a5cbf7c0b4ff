"""The tests of a claim decided together: which comparisons hold, and what that makes of the whole.

One refuted test refutes a claim. So the p-values of all comparisons of all its tests are corrected
together, by Holm's method: a true claim is refuted by chance at most as often as one true
comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..config import schema
from ..results.tidy import Results
from . import comparison, stats
from .comparison import Compared
from .schema import Claims, Test
from .verdict_file import Comparison, Judgement, Verdict


@dataclass(frozen=True)
class Decision:
    """What the comparisons of a test make of it.

    Attributes:
        n: The smallest n of its comparisons.
        judgement: Of the whole test.
        comparisons: At least one.
    """

    n: int
    judgement: Judgement
    comparisons: tuple[Comparison, ...]


def run(
    tests: Sequence[Test], claims: Claims, study: schema.Study, results: dict[str, Results]
) -> list[Decision]:
    """Decide the tests of one claim, whatever their data and settings.

    Args:
        tests: Those that results can decide: all their methods have runs.
        claims: All claims, for quantities, minima and statistics.
        study: The configuration, for the methods' labels.
        results: By experiment.
    """
    groups = [comparison.compare(test, claims, results[test.experiment]) for test in tests]
    p = np.array([compared.p for group in groups for compared in group], float)
    known = ~np.isnan(p)
    adjusted = np.full(len(p), np.nan)
    adjusted[known] = stats.holm(p[known])
    rest = iter(adjusted.tolist())
    return [
        _decide_test(test, claims, study, [(compared, next(rest)) for compared in group], len(p))
        for test, group in zip(tests, groups, strict=True)
    ]


def _decide_test(
    test: Test,
    claims: Claims,
    study: schema.Study,
    corrected: list[tuple[Compared, float]],
    family: int,
) -> Decision:
    """Decide one test from its comparisons with their corrected p-values, of `family` in all."""
    minimum = claims.experiments[test.experiment].minimum_n.value
    level = 1 - claims.statistics.confidence.value
    comparisons = []
    for compared, p in corrected:
        verdict = decide(compared.decisive, p, minimum, level)
        undecided = verdict == Verdict.OPEN
        needed = more_seeds(test, compared, minimum, level / family, claims) if undecided else 0
        lean = leaning(compared.decisive)
        judgement = Judgement(verdict=verdict, leaning=lean, more_seeds=needed)
        comparisons.append(_comparison(test, claims, study, compared, p, judgement))
    first = Verdict.FAILS if test.need == "all" else Verdict.HOLDS
    n = min(len(compared.met) for compared, _ in corrected)
    return Decision(n, together(comparisons, first), tuple(comparisons))


def decide(decisive: np.ndarray, p_adjusted: float, minimum: int, level: float) -> Verdict:
    """Decide one comparison, `[seeds]`: its sign counts where the corrected p-value is small.

    `p_adjusted` is NaN below two seeds, which decide nothing.
    """
    if len(decisive) < minimum or not p_adjusted < level:
        return Verdict.OPEN
    return Verdict.HOLDS if np.mean(decisive) > 0 else Verdict.FAILS


def leaning(decisive: np.ndarray) -> Verdict | None:
    """Say where the observed mean points, decided or not."""
    mean = float(np.mean(decisive)) if len(decisive) else 0.0
    return None if mean == 0 else Verdict.HOLDS if mean > 0 else Verdict.FAILS


def more_seeds(
    test: Test, compared: Compared, minimum: int, level: float, claims: Claims
) -> int | None:
    """Compute how many more seeds would decide; None where no number would."""
    seeds, power = len(compared.met), claims.statistics.power.value
    missing = max(minimum - seeds, 0)
    if seeds < 2:
        return missing or None
    if test.share:
        observed = float(np.mean(compared.met))
        needed = stats.share_seeds_needed(observed, test.share.value, level, power)
    else:
        spread = float(np.std(compared.decisive, ddof=1))
        needed = stats.seeds_needed(float(np.mean(compared.decisive)), spread, level, power)
    return None if needed is None else max(needed - seeds, missing, 1)


def together(parts: Sequence[Judgement], first: Verdict) -> Judgement:
    """Judge a whole by its parts.

    Args:
        parts: Each holds, does not hold or is inconclusive.
        first: The verdict that decides the whole as soon as one part has it.

    Returns:
        The whole's judgement. If a part leans to `first`, the nearest such part decides; else all
        must be decided.
    """
    verdicts = {part.verdict for part in parts}
    other = Verdict.FAILS if first == Verdict.HOLDS else Verdict.HOLDS
    if first in verdicts or Verdict.OPEN not in verdicts:
        verdict = first if first in verdicts else other
        return Judgement(verdict=verdict, leaning=verdict, more_seeds=0)
    early = [part for part in parts if part.verdict == Verdict.OPEN and part.leaning == first]
    needed = [part.more_seeds for part in early or parts]
    known = [n for n in needed if n is not None]
    most = min(known, default=None) if early else max(known) if len(known) == len(needed) else None
    lean = first if early else None if None in {part.leaning for part in parts} else other
    return Judgement(verdict=Verdict.OPEN, leaning=lean, more_seeds=most)


def _comparison(
    test: Test,
    claims: Claims,
    study: schema.Study,
    compared: Compared,
    p_adjusted: float,
    judgement: Judgement,
) -> Comparison:
    pair, quantity = compared.pair, claims.quantities[test.quantity]
    methods = study.experiments[test.experiment].methods
    confidence = claims.statistics.confidence.value
    difference, scale = comparison.differences(test, pair)
    seeds, met = len(difference), int(np.sum(compared.met))
    interval = stats.paired(difference, confidence) if seeds > 1 else None
    low, high = stats.share(met, seeds, confidence) if seeds else (None, None)
    other = pair.against if isinstance(pair.against, str) else None
    sign = 1 if quantity.direction == "higher" else -1
    return Comparison(
        **dict(judgement),
        method=pair.method,
        label=methods[pair.method].label,
        against=other,
        against_label=methods[other].label if other else f"{pair.against:g}",
        task=pair.task,
        n=seeds,
        left_out=pair.left_out,
        difference=float(np.mean(difference)) if seeds else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        scale=scale,
        p=compared.p,
        p_adjusted=None if compared.p is None else p_adjusted,
        met=met,
        share_low=low,
        share_high=high,
        improvement=stats.improvement(sign * pair.ours, sign * pair.theirs) if seeds else None,
        margin=test.margin.value if test.margin else 0.0,
    )
