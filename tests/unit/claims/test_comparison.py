"""Methods are compared seed by seed, in every relation."""

import numpy as np
import pandas as pd
import pytest

from rotograd_replication.claims import comparison, decision, schema
from rotograd_replication.results.quantities import Quantity


def relation(
    words, ours, theirs, margin=0.0, percent=False, direction="higher", minimum=3, share=None
):
    """The verdict on one comparison."""
    sourced = {"value": margin, "source": "choice: a test"}
    test = schema.Test(
        id="a", hypothesis="a", experiment="a", methods=["a"], relation=words, against=["b"],
        quantity="a", margin=sourced, percent=percent,
        share=share and {"value": share, "source": "choice: a test"},
    )  # fmt: skip
    made_of = {"label": "a", "of": "value", "statistic": "avg", "unit": ""}
    quantity = Quantity(direction=direction, **made_of)
    pair = comparison.Pair("a", "b", None, np.array(ours), np.array(theirs), 0)
    found = comparison.compared(test, quantity, pair, 0.95)
    return decision.decide(found.decisive, np.nan if found.p is None else found.p, minimum, 0.05)


HIGH, LOW = [3.0, 3.1, 2.9, 3.05], [1.0, 1.05, 0.9, 1.1]
WILD = [2.0, 9.0, -7.0, 4.0]
RELATIONS = [
    ("is better than", HIGH, LOW, {}, "holds"),
    ("is better than", LOW, HIGH, {}, "does not hold"),
    ("is better than", LOW, HIGH, {"direction": "lower"}, "holds"),
    ("is better than", HIGH, LOW, {"margin": 2}, "inconclusive"),
    ("is better than", HIGH, LOW, {"margin": 3}, "does not hold"),
    ("is better than", WILD, LOW, {}, "inconclusive"),
    ("is worse than", LOW, HIGH, {}, "holds"),
    ("is worse than", HIGH, LOW, {}, "does not hold"),
    ("is not better than", LOW, HIGH, {}, "holds"),
    ("is not better than", HIGH, LOW, {"margin": 3}, "holds"),
    ("is not better than", HIGH, LOW, {"margin": 1}, "does not hold"),
    ("is not worse than", LOW, HIGH, {"margin": 3}, "holds"),
    ("is not worse than", LOW, HIGH, {"margin": 1}, "does not hold"),
    ("is as good as", HIGH, LOW, {"margin": 3}, "holds"),
    ("is as good as", LOW, HIGH, {"margin": 3}, "holds"),
    ("is as good as", HIGH, LOW, {"margin": 1}, "does not hold"),
    ("is as good as", WILD, LOW, {"margin": 1}, "inconclusive"),
    ("is as good as", [51.0, -49.0, 51.0, -49.0], 4 * [1.0], {"margin": 10}, "inconclusive"),
    ("is not worse than", HIGH, LOW, {"margin": 250, "percent": True, "direction": "lower"}, "holds"),
    ("is not worse than", HIGH, LOW, {"margin": 25, "percent": True, "direction": "lower"}, "does not hold"),
    ("is noisier than", [0.0, 9.0, -8.0, 10.0], LOW, {}, "holds"),
    ("is noisier than", LOW, [0.0, 9.0, -8.0, 10.0], {}, "does not hold"),
    ("is better than", HIGH, LOW, {"minimum": 5}, "inconclusive"),
    ("is better than", [2.0], [1.0], {"minimum": 1}, "inconclusive"),
    ("is better than", [1.0], [2.0], {"minimum": 1}, "inconclusive"),
    # Shares: 6 of 6 differ from a half (p = 2 / 64), 5 of 5 do not (2 / 32), whatever their size.
    ("is better than", 6 * [2.0], 6 * [1.0], {"share": 0.5}, "holds"),
    ("is better than", 6 * [1.0], 6 * [2.0], {"share": 0.5}, "does not hold"),
    ("is better than", 5 * [2.0], 5 * [1.0], {"share": 0.5}, "inconclusive"),
    ("is better than", 5 * [2.0], 5 * [1.0], {"share": 0.1}, "holds"),
    ("is better than", [9e9, *8 * [1.0]], 9 * [2.0], {"share": 0.5}, "does not hold"),
    ("is as good as", [*3 * [0.0], *3 * [2.0]], 6 * [1.0], {"share": 0.5, "margin": 1.1}, "holds"),
    ("is as good as", [*3 * [-8.0], *3 * [9.0]], 6 * [1.0], {"share": 0.5, "margin": 1}, "does not hold"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "ours", "theirs", "options", "expected"), RELATIONS)
def test_relations(words, ours, theirs, options, expected):
    assert relation(words, ours, theirs, **options) == expected


def test_a_percentage_of_zero_is_left_out(claimed):
    """As everything without a number: hours of runs of which one took none."""
    test = next(t for c in claimed[0].claims for t in c.tests if t.id == "stability_returns")
    column = pd.Series(
        {("a", 0): 1.0, ("a", 1): 2.0, ("b", 0): 0.0, ("b", 1): 1.0}, dtype=float
    ).rename_axis(["method", "seed"])
    pair = comparison._pair(test, column, "a", "b", None)
    assert (pair.ours.tolist(), pair.theirs.tolist(), pair.left_out) == ([2.0], [1.0], 1)
