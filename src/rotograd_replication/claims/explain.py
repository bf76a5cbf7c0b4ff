"""Why a test has its verdict, in one sentence made from its record (see `verdict`)."""

from typing import Any

from .comparison import HOLDS, OPEN, PERCENT


def sentence(record: dict[str, Any]) -> str:
    """Why, in one sentence."""
    comparisons, n = record["comparisons"], record["n"]
    number = len(comparisons)
    left_out = sum(c["left_out"] for c in comparisons)
    without = f" Left out: {left_out} missing or without a number." if left_out else ""
    if n < record["minimum_n"]:
        seeds = f"{n} seed{'s' * (n != 1)}"
        met = sum(c["leaning"] == HOLDS for c in comparisons)
        so_far = f"so far {met} of {number} comparisons lean the claim's way"
        few = f"{seeds}, and fewer than {record['minimum_n']} never confirm or refute"
        return f"{few}; {so_far}.{without}"
    first = next(c for c in comparisons if c["verdict"] == record["verdict"])
    as_in = f"{first['label']} and {first['against_label']}"
    as_in += f" ({first['task']})" if first["task"] else ""
    as_in += f": {_shares(first, record) if record['share'] else _difference(first, record)}"
    alike = sum(c["verdict"] == record["verdict"] for c in comparisons)
    of = f"{alike} of {number} comparison{'s' * (number != 1)}"
    if record["verdict"] == OPEN:
        more = record["more_seeds"]
        rest = f"about {more} more would decide" if more else "no number of seeds in reach decides"
        return f"{of} open with {n} seeds, as {as_in}; {rest}.{without}"
    return f"{of} (n = {n}), as {as_in}.{without}"


def _difference(comparison: dict[str, Any], record: dict[str, Any]) -> str:
    """The mean difference with its interval."""
    unit = "%" if comparison["scale"] == PERCENT else record["quantity"]["unit"]
    mean, low, high = (f"{comparison[key]:+.3g}" for key in ("difference", "low", "high"))
    return f"{mean}{' ' * bool(unit)}{unit} ({low} to {high})"


def _shares(comparison: dict[str, Any], record: dict[str, Any]) -> str:
    """In how many seeds the relation is met, with the interval of the share."""
    low, high, needed = (
        f"{100 * share:.3g}"
        for share in (comparison["share_low"], comparison["share_high"], record["share"])
    )
    met = f"met in {comparison['met']} of {comparison['n']} seeds"
    return f"{met} ({low} to {high} %), more than {needed} % needed"
