"""Whether the paper's own numbers meet the tests of its claims."""

from collections.abc import Mapping

import numpy as np

from . import comparison
from .comparison import Pair
from .schema import Claims, Computation, Test
from .verdict_file import Scale, Verdict

# (experiment, method, quantity) -> the number that the paper prints.
Numbers = Mapping[tuple[str, str, str], float]


def judge(test: Test | Computation, claims: Claims, numbers: Numbers) -> Verdict | None:
    """Judge a test by the paper's numbers; None where it prints too few of them."""
    if isinstance(test, Computation):
        return None
    quantity = claims.quantities[test.quantity]
    met = []
    for method in test.methods:
        for other in test.against:
            ours = numbers.get((test.experiment, method, test.quantity))
            theirs = (
                numbers.get((test.experiment, other, test.quantity))
                if isinstance(other, str)
                else other
            )
            if ours is None or theirs is None:
                return None
            pair = Pair(method, other, None, np.array([ours]), np.array([theirs]), 0)
            difference, scale = comparison.differences(test, pair)
            if scale == Scale.SPREAD:
                return None
            met.append(comparison.slack(test, quantity, difference)[0] > 0)
    return Verdict.HOLDS if (all(met) if test.need == "all" else any(met)) else Verdict.FAILS
