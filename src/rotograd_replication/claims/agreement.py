"""Whether a reported number and ours agree.

A reported number may be inside our bootstrap interval, within two standard errors of its difference
from our median, or outside of both. It is known to the last digit printed, no better.

Both are medians over seeds, the paper's with the standard deviation s of a run. The median m of n
runs with density f has the variance 1 / (4 n f(m)^2) for large n, which is pi s^2 / (2 n) where
runs are normal. Independent errors add in squares: the difference has the standard error

    sqrt(pi / 2 (s^2 / n + s_reported^2 / n_reported)).

A number that the paper prints without a standard deviation, or of one run, has no standard error:
it is not compared. Nor do cells count whose interval can cover too little because there are too
few seeds of ours.
"""

import math
from collections.abc import Sequence

from .cell import Agreement, Cell, Replicated, Reported
from .schema import Statistics

MISSING = "missing"
# Numbers are printed with two decimals.
ROUNDING = 0.005
ERRORS = 2
HOURS = "Hours of another machine."
SINGLE = "The paper's number has no standard deviation over several runs: no standard error."
STANDIN = "Generated stand-ins say nothing about the paper."


def judge(
    ours: Replicated, theirs: Reported, standin: bool, of: str, statistics: Statistics
) -> tuple[Agreement | None, str | None]:
    """Compare the two numbers of a cell.

    Args:
        ours: Our number.
        theirs: The paper's.
        standin: Whether ours is of generated data.
        of: What the quantity is of (`Quantity`).
        statistics: How much an interval must cover to count.

    Returns:
        The agreement, None where either number is missing; and why they are not compared.
    """
    if theirs.reported is None or ours.value is None or ours.coverage is None:
        return None, None
    if standin:
        return Agreement.NOT_COMPARED, STANDIN
    if of == "hours":
        return Agreement.NOT_COMPARED, HOURS
    if theirs.reported_std is None or theirs.reported_n is None or theirs.reported_n < 2:
        return Agreement.NOT_COMPARED, SINGLE
    if ours.coverage < statistics.confidence.value - statistics.tolerance.value:
        share = f"{100 * ours.coverage:.3g}"
        return Agreement.TOO_FEW, f"n = {ours.n}: an interval covers at most {share} %."
    error = standard_error(ours, theirs)
    if error is None or ours.low is None or ours.high is None:
        return Agreement.TOO_FEW, f"n = {ours.n}: no interval."
    if ours.low - ROUNDING <= theirs.reported <= ours.high + ROUNDING:
        return Agreement.INSIDE, None
    near = abs(ours.value - theirs.reported) <= ERRORS * error + ROUNDING
    return Agreement.NEAR if near else Agreement.OUTSIDE, None


def standard_error(ours: Replicated, theirs: Reported) -> float | None:
    """Compute the standard error (see above); None where a spread is not known."""
    variance = 0.0
    for std, n in ((ours.std, ours.n), (theirs.reported_std, theirs.reported_n)):
        if std is None or n is None or n < 2:
            return None
        variance += std**2 / n
    return math.sqrt(math.pi / 2 * variance)


def counts(cells: Sequence[Cell]) -> dict[str, dict[str, int]]:
    """Count cells: the paper's table -> each agreement, and `missing` -> how many."""
    printed = [cell for cell in cells if cell.table]
    tables = sorted({cell.table for cell in printed if cell.table})
    return {
        table: {
            kind: sum(c.table == table and (c.agreement or MISSING) == kind for c in printed)
            for kind in (*Agreement, MISSING)
        }
        for table in tables
    }
