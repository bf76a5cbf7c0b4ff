"""Why a test has its verdict, in one sentence made from its record (see `verdict`)."""

from typing import Any

from .judge import HOLDS, OPEN, PERCENT


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
    if record["verdict"] == OPEN:
        unclear = sum(c["verdict"] == OPEN for c in comparisons)
        more = record["more_seeds"]
        rest = f"about {more} more would decide" if more else "no number of seeds in reach decides"
        return f"{unclear} of {number} comparisons are open with {n} seeds; {rest}.{without}"
    of = [c for c in comparisons if c["verdict"] == record["verdict"]]
    first = of[0]
    what = f"{first['label']} and {first['against_label']}"
    what += f" ({first['task']})" if first["task"] else ""
    unit = "%" if first["scale"] == PERCENT else record["quantity"]["unit"]
    size = f"{first['difference']:+.3g}{' ' * bool(unit)}{unit}"
    if first["low"] is not None:
        size += f" ({first['low']:+.3g} to {first['high']:+.3g})"
    runs = f"n = {n}" if n > 1 else "one run, no interval"
    return f"{len(of)} of {number} comparisons ({runs}), as {what}: {size}.{without}"
