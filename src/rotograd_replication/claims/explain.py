"""Why results decide a test as they do, in one sentence."""

from .decision import Decision
from .schema import Claims, Test
from .verdict_file import Comparison, Scale, Verdict


def sentence(decision: Decision, test: Test, claims: Claims) -> str:
    """Say why."""
    minimum_n = claims.experiments[test.experiment].minimum_n.value
    unit = claims.quantities[test.quantity].unit
    comparisons, n, verdict = decision.comparisons, decision.n, decision.judgement.verdict
    number = len(comparisons)
    left_out = max(c.left_out for c in comparisons)
    seeds = f"{left_out} seed{'s' * (left_out != 1)}"
    without = f" Left out of a comparison: up to {seeds} without a number." if left_out else ""
    if n < minimum_n and verdict == Verdict.OPEN:
        seeds = f"{n} seed{'s' * (n != 1)}"
        met = sum(c.leaning == Verdict.HOLDS for c in comparisons)
        so_far = f"so far {met} of {number} comparisons lean the claim's way"
        return f"{seeds}, and fewer than {minimum_n} never confirm or refute; {so_far}.{without}"
    alike = [c for c in comparisons if c.verdict == verdict]
    first = alike[0]
    as_in = f"{first.label} and {first.against_label}"
    as_in += f" ({first.task})" if first.task else ""
    as_in += f": {_share(first, test.share.value) if test.share else _difference(first, unit)}"
    of = f"{len(alike)} of {number} comparison{'s' * (number != 1)}"
    if verdict == Verdict.OPEN:
        more = decision.judgement.more_seeds
        rest = f"about {more} more would decide" if more else "no number of seeds in reach decides"
        p = f", p = {first.p_adjusted:.2g} corrected over the claim" if first.p_adjusted else ""
        return f"{of} open with {n} seeds, as {as_in}{p}; {rest}.{without}"
    return f"{of} (n = {first.n}), as {as_in}.{without}"


def _difference(comparison: Comparison, unit: str) -> str:
    """Say the mean difference, with its interval."""
    unit = "%" if comparison.scale == Scale.PERCENT else unit
    numbers = (comparison.difference, comparison.low, comparison.high)
    mean, low, high = (f"{number:+.3g}" for number in numbers)
    return f"{mean}{' ' * bool(unit)}{unit} ({low} to {high})"


def _share(comparison: Comparison, share: float) -> str:
    """Say in how many seeds the relation is met, with the interval of their share."""
    numbers = (comparison.share_low, comparison.share_high, share)
    low, high, needed = (f"{100 * (number or 0.0):.3g}" for number in numbers)
    met = f"met in {comparison.met} of {comparison.n} seeds"
    return f"{met} ({low} to {high} %), more than {needed} % needed"
