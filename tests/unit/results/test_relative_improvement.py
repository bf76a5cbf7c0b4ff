"""Equation 6 and its summaries, by hand."""

import math

import pandas as pd
import pytest

from rotograd_replication.results import relative_improvement


def test_a_higher_metric_is_an_improvement_where_higher_is_better():
    assert relative_improvement.improvement(0.9, 0.8, True) == pytest.approx(12.5)
    assert relative_improvement.improvement(0.9, 0.8, False) == pytest.approx(-12.5)


def test_a_lower_error_is_an_improvement_where_lower_is_better():
    assert relative_improvement.improvement(1.0, 4.0, False) == pytest.approx(75)


@pytest.mark.parametrize("single", [0.0, math.nan, math.inf])
def test_no_reference_gives_no_number(single):
    assert math.isnan(relative_improvement.improvement(0.5, single, True))


def test_medians_are_over_seeds():
    index = pd.MultiIndex.from_tuples([("a", 0), ("a", 1)], names=["method", "seed"])
    found = relative_improvement.over_seeds(pd.DataFrame({"avg": [3.0, 5.0]}, index))
    assert found.loc[("a", "avg"), "value"] == 4.0
    assert found.loc[("a", "avg"), "std"] == pytest.approx(math.sqrt(2))  # ddof = 1
    assert found.loc[("a", "avg"), "runs"] == 2
