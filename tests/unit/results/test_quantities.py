"""Quantities by hand: over tasks, then over seeds, and what the paper prints or what follows."""

import math

import numpy as np
import pandas as pd
import pytest

from rotograd_replication.config import schema
from rotograd_replication.config.load import load_study
from rotograd_replication.results import quantities, tidy
from tests.helpers import fake_runs
from tests.helpers.paths import CONFIGS

PAPER = fake_runs.paper()


def results(rows):
    columns = ["method", "seed", "task", "metric", "value", "delta"]
    facts = {"runs": {row[0]: 1 for row in rows}}
    return tidy.Results("any", pd.DataFrame(rows, columns=columns), facts, None)


@pytest.mark.parametrize(
    ("name", "expected"), [("avg_delta", 4.0), ("med_delta", 3.5), ("max_delta", 5.5)]
)
def test_over_tasks_and_then_over_seeds(name, expected):
    deltas = {0: (1.0, 2.0, 6.0), 1: (5.0, 5.0, 5.0)}
    rows = [
        ("a", s, t, "f1", 0.5, d)
        for s, ds in deltas.items()
        for t, d in zip("xyz", ds, strict=True)
    ]
    found = quantities.summaries(results(rows), PAPER.quantities[name])("a")
    assert found.value == expected and found.runs == 2


def test_a_summary_of_seeds():
    assert quantities.summary(np.array([3.0, 5.0])) == (4.0, pytest.approx(math.sqrt(2)), 2)
    one = quantities.summary(np.array([3.0, math.nan]))
    assert one.value == 3.0 and math.isnan(one.std) and one.runs == 1
    assert quantities.summary(np.array([])).runs == 0


def test_a_run_that_lacks_a_task_has_no_statistic():
    rows = [("a", 0, "x", "f1", 0.5, 1.0), ("a", 0, "y", "f1", 0.5, math.nan)]
    found = quantities.summaries(results(rows), PAPER.quantities["avg_delta"])
    assert found("a").runs == 0 and found("b").runs == 0


def test_each_convention_takes_its_metrics_and_the_tasks_that_have_one_alone():
    rows = [
        ("a", 0, "segmentation", "miou", 0.5, 3.0),
        ("a", 0, "depth", "abs_err", 0.5, 5.0),
        ("a", 0, "depth", "abs_err_global", 0.7, 9.0),
    ]
    average, depth = PAPER.quantities["avg_delta"], PAPER.quantities["depth_abs_err"]
    for convention, mean, error in (("", 4.0, 0.5), (schema.GLOBAL, 6.0, 0.7)):
        assert quantities.summaries(results(rows), average, convention)("a").value == mean
        assert quantities.summaries(results(rows), depth, convention)("a").value == error


def test_f1_over_batches_is_a_metric_of_its_own():
    rows = [("a", 0, "x", "f1", 0.5, 3.0), ("a", 0, "x", "f1_batches", 0.25, 5.0)]
    delta, lowest = PAPER.quantities["avg_delta"], PAPER.quantities["min_f1"]
    for convention, gain, f1 in (("", 3.0, 50.0), (schema.BATCHES, 5.0, 25.0)):
        assert quantities.summaries(results(rows), delta, convention)("a").value == gain
        assert quantities.summaries(results(rows), lowest, convention)("a").value == f1


def test_what_the_paper_prints_and_what_follows():
    methods = load_study(CONFIGS, "paper").experiments["nyuv2"].methods
    name = next(m for m in methods if m == "rotograd_subspace")
    cell = PAPER.cell("nyuv2", name, methods[name], "hours")
    assert cell["value"] == 3.85
    ratio = PAPER.cell("nyuv2", name, methods[name], "relative_hours")
    assert ratio["value"] == pytest.approx(3.85 / 3.45) and ratio["std"] is None
    mean = PAPER.cell("nyuv2", name, methods[name], "scenes_avg_delta")
    assert mean["value"] == pytest.approx((5.33 + 9.06 - 8.99) / 3)
    assert PAPER.cell("nyuv2", "scale_only", methods["scale_only"], "miou") is None
