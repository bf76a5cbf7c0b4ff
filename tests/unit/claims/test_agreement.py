"""Whether a reported number agrees with ours, by hand and by simulation."""

import numpy as np
import pytest

from rotograd_replication.claims import agreement, cells
from rotograd_replication.claims import stats as inference
from rotograd_replication.claims.cell import Agreement, Replicated, Reported
from rotograd_replication.claims.evidence import Evidence
from rotograd_replication.results import tidy
from tests.helpers import fake_runs
from tests.helpers.planted import RIVALS, cifar10

FIVE, TEN = (0.5, 5), (0.4, 10)  # standard deviation and runs


@pytest.mark.parametrize(
    ("ours", "paper", "expected"),
    [
        ((2.0, 1.5, 2.6, *FIVE), (2.5, *TEN), Agreement.INSIDE),
        ((2.0, 1.5, 2.496, *FIVE), (2.5, *TEN), Agreement.INSIDE),  # 2.5 is printed for 2.496
        # Two standard errors are 2 sqrt(pi / 2) sqrt(0.5^2 / 5 + 0.4^2 / 10) = 0.6440.
        ((2.0, 1.5, 2.1, *FIVE), (2.64, *TEN), Agreement.NEAR),
        ((2.0, 1.5, 2.1, *FIVE), (2.65, *TEN), Agreement.OUTSIDE),
        ((2.0, 1.5, 2.1, *FIVE), (1.35, *TEN), Agreement.OUTSIDE),
        ((2.0, 1.5, 2.6, *FIVE), (2.5, None, 1), Agreement.NOT_COMPARED),
        ((2.0, 1.5, 2.6, *FIVE), (9.5, None, 1), Agreement.NOT_COMPARED),
        ((2.0, 1.5, 2.6, *FIVE), (2.5, 0.4, None), Agreement.NOT_COMPARED),
        ((2.0, 1.5, 2.6, 0.5, 4), (2.5, *TEN), Agreement.TOO_FEW),
        ((2.0, 1.5, 2.6, 0.5, 2), (9.5, *TEN), Agreement.TOO_FEW),
        ((2.0, None, None, None, 1), (2.5, *TEN), Agreement.TOO_FEW),
        ((2.0, None, None, None, 1), (2.5, None, 1), Agreement.NOT_COMPARED),
        ((None, None, None, None, 0), (2.5, *TEN), None),
        ((2.0, 1.5, 2.1, *FIVE), (None, None, None), None),
    ],
)
def test_agreement(claimed, ours, paper, expected):
    numbers = dict(zip(("value", "low", "high", "std", "n"), ours, strict=True))
    coverage = inference.coverage(numbers["n"]) if numbers["n"] else None
    printed = zip(("reported", "reported_std", "reported_n"), paper, strict=True)
    cell = (Replicated(**numbers, coverage=coverage), Reported(**dict(printed)))
    statistics = claimed[0].statistics
    agrees, remark = agreement.judge(*cell, False, "delta", statistics)
    assert agrees == expected
    assert (remark is not None) == (expected in (Agreement.TOO_FEW, Agreement.NOT_COMPARED))
    if expected == Agreement.NOT_COMPARED:
        assert remark == agreement.SINGLE
    if expected:
        stands_in = agreement.judge(*cell, True, "delta", statistics)
        assert stands_in == (Agreement.NOT_COMPARED, agreement.STANDIN)
        hours = agreement.judge(*cell, False, "hours", statistics)
        assert hours == (Agreement.NOT_COMPARED, agreement.HOURS)


def test_the_standard_error_is_by_hand_and_by_simulation():
    """Medians of 5 and of 10 runs; the formula is for many runs, a tenth too large for few."""
    ours, paper = Replicated(std=0.5, n=5), Reported(reported_std=0.4, reported_n=10)
    error = agreement.standard_error(ours, paper)
    assert error == pytest.approx(0.3220, abs=5e-5)  # sqrt(1.5708 x (0.05 + 0.016))
    random = np.random.default_rng(0)
    five = np.median(random.normal(0, 0.5, size=(20_000, 5)), axis=1)
    ten = np.median(random.normal(0, 0.4, size=(20_000, 10)), axis=1)
    assert error == pytest.approx(np.std(five - ten), rel=0.1)
    assert agreement.standard_error(ours, Reported(reported_std=0.4, reported_n=1)) is None


def test_cells_with_too_few_seeds_are_counted_apart(claimed):
    """Two seeds per method, five of one: only that one is counted as agreeing or not."""
    judging, reference = claimed
    whole = cifar10(claimed, 3.0, seeds=5)
    few = whole.metrics[(whole.metrics["method"] == "rotograd") | (whole.metrics["seed"] < 2)]
    runs = tidy.Results("cifar10", few, whole.provenance, None)
    evidence = Evidence(reference, judging, reference, {"cifar10": runs})
    compared = list(cells.cells(evidence, fake_runs.paper()))
    table = agreement.counts(compared)["1"]
    assert table[Agreement.TOO_FEW] == 3 * len(RIVALS)
    assert table[Agreement.INSIDE] + table[Agreement.NEAR] + table[Agreement.OUTSIDE] == 3
    assert {c.std is None for c in compared if c.n} == {False}
    mine = [c for c in compared if (c.method, c.metric) == ("rotograd", "avg_delta")]
    averages = few[few["method"] == "rotograd"].groupby("seed")["delta"].mean()
    assert mine[0].std == pytest.approx(averages.std())
