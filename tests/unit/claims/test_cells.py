"""Cells hold the paper's numbers and ours, as the tables do."""

import pandas as pd
import pytest

from rotograd_replication.paper import table
from tests.helpers import fake_runs

# Experiment, quantity, what it is of a task, and the statistic over tasks, in pandas' words.
CELLS = [
    ("cifar10", "avg_delta", "delta", "mean"),
    ("cifar10", "med_delta", "delta", "median"),
    ("cifar10", "max_delta", "delta", "max"),
    ("celeba_conv", "std_f1", "value", "std"),
    ("celeba_resnet", "min_f1", "value", "min"),
]


@pytest.mark.parametrize(("experiment", "metric", "column", "statistic"), CELLS)
def test_cells_are_medians_over_seeds_of_statistics_over_tasks(
    made, quick, experiment, metric, column, statistic
):
    tests = made[1][experiment].tests
    runs = tests.groupby(["method", "seed"], sort=False)[column].agg(statistic)
    medians = (100 * runs if column == "value" else runs).groupby("method", sort=False).median()
    if column == "delta":
        del medians["single_task"]  # on itself it improves by nothing, by definition
    cells = [c for c in quick["cells"] if (c["experiment"], c["metric"]) == (experiment, metric)]
    assert {c["method"]: pytest.approx(c["value"]) for c in cells} == medians.to_dict()


@pytest.mark.parametrize("name", ["cifar10", "digits", "celeba", "nyuv2"])
def test_tables_and_verdicts_have_the_same_cells(made, quick, tmp_path, name):
    """To the last bit, ours and the paper's."""
    study, _ = fake_runs.configuration("quick")
    experiments = study.tables[name]
    outputs = [tmp_path / f"{name}.{end}" for end in ("csv", "md", "tex")]
    results = [made[1][experiment] for experiment in experiments]
    table.run(study, "quick", name, results, fake_runs.paper(), *outputs)
    rows = pd.read_csv(outputs[0], dtype=str)
    cells = [c for c in quick["cells"] if c["experiment"] in experiments]
    for source, key in (("replicated", "value"), ("reported", "reported")):
        shown = set(rows.loc[rows["source"] == source, "value"].map(float))
        own = {c[key] for c in cells if c[key] is not None and c["label"] != "Single task"}
        assert own and own <= shown


def test_cells_hold_the_papers_numbers_and_an_interval(quick):
    cells = {(c["experiment"], c["method"], c["metric"]): c for c in quick["cells"]}
    assert cells["cifar10", "rotograd", "avg_delta"]["reported"] == 4.48
    assert cells["cifar10", "rotograd_eighth", "avg_delta"]["reported"] == 2.90
    assert cells["celeba_conv", "rotograd_50", "min_f1"]["reported"] == 9.11
    assert cells["digits", "single_task", "active_pixels_mse"]["reported_std"] == 0.01
    assert cells["cifar10", "scale_only", "avg_delta"]["table"] is None
    assert all(c["low"] <= c["value"] <= c["high"] for c in quick["cells"] if c["n"] > 1)
