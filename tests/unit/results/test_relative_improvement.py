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


def runs(rows):
    return pd.DataFrame(rows, columns=["method", "seed", "delta"])


def test_summaries_over_tasks_and_then_seeds():
    found = relative_improvement.over_tasks(
        runs([("a", 0, 1.0), ("a", 0, 2.0), ("a", 0, 6.0), ("a", 1, 5.0), ("a", 1, 5.0)])
    )
    assert found.loc[("a", 0)].to_dict() == {"avg": 3.0, "med": 2.0, "max": 6.0}
    seeds = relative_improvement.over_seeds(found)
    assert seeds.loc[("a", "avg"), "value"] == 4.0
    assert seeds.loc[("a", "avg"), "std"] == pytest.approx(math.sqrt(2))  # ddof = 1
    assert seeds.loc[("a", "avg"), "runs"] == 2


def test_one_seed_has_no_spread():
    seeds = relative_improvement.over_seeds(
        relative_improvement.over_tasks(runs([("a", 0, 1.0), ("a", 0, 3.0)]))
    )
    assert seeds.loc[("a", "med"), "value"] == 2.0
    assert math.isnan(seeds.loc[("a", "med"), "std"])


def test_a_run_that_lacks_a_task_has_no_summary():
    found = relative_improvement.over_tasks(runs([("a", 0, 1.0), ("a", 0, math.nan)]))
    assert found.isna().all(axis=None)
