"""Tests are judged where there are results; what is missing is said."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rotograd_replication.claims import cells, outcome, schema
from rotograd_replication.claims.evidence import Evidence
from rotograd_replication.results import tidy
from tests.helpers import fake_runs
from tests.helpers.planted import cifar10, found, judged


def toys(tmp_path, ends, bests=None):
    """Results of the non-convex toy: both tasks' objectives of each seed at the last epoch."""
    rows, history = [], []
    for seed, end in enumerate(ends):
        for task in ("first", "second"):
            best = (bests or ends)[seed]
            rows.append({"method": "rotograd", "seed": seed, "task": task, "value": best})
        for epoch, value in ((100, end), (99, -6.0), (0, 0.0)):  # in no order
            place = {"method": "rotograd", "seed": seed, "epoch": epoch}
            losses = {"val_objective/first": -6.0, "val_objective/second": value}
            history.append(place | losses)
    table = pd.DataFrame(rows).assign(metric="objective", delta=np.nan)
    pd.DataFrame(history).to_csv(tmp_path / "history.csv", index=False)
    facts = {"runs": {"rotograd": []}, "data": {"label": "a"}}
    return tidy.Results("toy_nonconvex", table, facts, tmp_path / "history.csv")


@pytest.mark.parametrize(
    ("reached", "expected"),
    [(20, "holds"), (15, "holds"), (14, "inconclusive"), (6, "inconclusive"), (5, "does not hold")],
)
def test_a_toy_is_judged_by_the_share_of_seeds_at_the_end(claimed, tmp_path, reached, expected):
    """15 of 20 differ from a half (binomial p = 0.041), 14 do not (0.115); the best is no matter."""
    ends = reached * [-5.95] + (20 - reached) * [-5.0]
    runs = toys(tmp_path, ends, bests=20 * [-6.0])
    name = "toy_nonconvex_rotograd"
    record = judged(claimed, [runs], test=name)[name]
    assert record["verdict"] == expected and record["n"] == 20
    (compared,) = record["comparisons"]
    test = stats.binomtest(reached, 20)
    assert compared["p"] == pytest.approx(test.pvalue)
    interval = test.proportion_ci(0.95, "exact")
    assert (compared["share_low"], compared["share_high"]) == pytest.approx(tuple(interval))
    assert compared["met"] == reached and record["share"] == 0.5
    assert f"met in {reached} of 20 seeds (" in record["reason"]
    assert "more than 50 % needed" in record["reason"]
    corrected = f", p = {compared['p_adjusted']:.2g} corrected over the claim;"
    assert (corrected in record["reason"]) == (expected == "inconclusive")


def test_a_diverged_toy_has_no_end(claimed, tmp_path):
    runs = toys(tmp_path, 20 * [-6.0])
    runs.provenance["diverged"] = {"rotograd": [3]}
    name = "toy_nonconvex_rotograd"
    record = judged(claimed, [runs], test=name)[name]
    assert (record["n"], record["verdict"]) == (19, "inconclusive")
    assert record["comparisons"][0]["left_out"] == 1


def test_no_claim_holds_on_one_run(claimed, tmp_path):
    runs = toys(tmp_path, [-6.0])
    records = judged(claimed, [runs])
    assert records["toy_nonconvex_rotograd"]["verdict"] == "inconclusive"
    assert records["toy_nonconvex_rotograd"]["more_seeds"] == 19
    for claim in claimed[0].claims:
        for test in claim.tests:
            if isinstance(test, schema.Test):
                assert claimed[0].experiments[test.experiment].minimum_n.value >= 2


def test_runs_without_a_number_are_left_out_and_counted(claimed):
    whole = cifar10(claimed, 3.0, seeds=7)
    gone = (whole.metrics["method"] == "mgda") & (whole.metrics["seed"] == 2)
    whole.metrics.loc[gone, ["value", "delta"]] = np.nan
    record = judged(claimed, [whole], test="cifar10_avg")["cifar10_avg"]
    assert record["n"] == 6
    assert "Left out of a comparison: up to 1 seed without a number." in record["reason"]
    assert [c["left_out"] for c in record["comparisons"]] == [0, 0, 0, 1, 0, 0, 0]
    fewer = tidy.Results("cifar10", whole.metrics[~gone], whole.provenance, whole.history_file)
    assert judged(claimed, [fewer], test="cifar10_avg")["cifar10_avg"] == record


def test_a_seed_that_neither_has_counts_once(claimed):
    """As where a single-task network's F1 is 0, so that no method has an improvement."""
    whole = cifar10(claimed, 3.0, seeds=7)
    whole.metrics.loc[whole.metrics["seed"] == 2, "delta"] = np.nan
    record = judged(claimed, [whole], test="cifar10_avg")["cifar10_avg"]
    assert record["n"] == 6
    assert {c["left_out"] for c in record["comparisons"]} == {1}
    assert "up to 1 seed without a number." in record["reason"]


def test_what_is_missing_is_not_run(claimed):
    records = judged(claimed, [])
    verdicts = {r["verdict"] for r in records.values() if r["kind"] == "comparison"}
    assert verdicts == {"not run"}
    assert records["nyuv2_depth"]["reason"] == "The study has no results of `nyuv2`."
    lite = judged(claimed, [], study="lite", test="nyuv2_depth")
    assert lite["nyuv2_depth"]["reason"] == "The study has no experiment `nyuv2`."
    part = found("cifar10", {("rotograd", "a"): [1.0, 2.0]})
    record = judged(claimed, [part], test="cifar10_avg")["cifar10_avg"]
    assert record["verdict"] == "not run" and "no runs of `vanilla`" in record["reason"]


def test_stand_ins_neither_confirm_nor_refute(claimed):
    record = judged(claimed, [cifar10(claimed, 9.0)], study="quick", test="cifar10_avg")[
        "cifar10_avg"
    ]
    assert record["verdict"] == "stand-in data" and record["standin"]
    assert {c["verdict"] for c in record["comparisons"]} == {"holds"}


def test_a_scaled_study_says_so(claimed):
    for study, expected in (("paper", True), ("lite", False)):
        record = judged(claimed, [cifar10(claimed, 3.0)], study=study, test="cifar10_avg")[
            "cifar10_avg"
        ]
        assert record["verdict"] == "holds" and record["as_published"] is expected


def test_improvements_are_as_published_where_their_baseline_is(claimed):
    """Its configuration alone is another: what its own test compares is the same."""
    judging, reference = claimed
    content = reference.experiments["cifar10"]
    baseline = content.methods["single_task"]
    parameters = {"sigma": {"value": 1, "source": "choice: a test"}}
    changed = baseline.model_copy(update={"parameters": parameters})
    methods = content.methods | {"single_task": changed}
    other = content.model_copy(update={"methods": methods})
    study = reference.model_copy(update={"experiments": reference.experiments | {"cifar10": other}})
    runs = {"cifar10": cifar10(claimed, 3.0)}
    for asked, expected in ((reference, True), (study, False)):
        evidence = Evidence(asked, judging, reference, runs)
        tests = [t for c in judging.claims for t in c.tests if t.id == "cifar10_avg"]
        (record,) = outcome.run(tests, evidence, {})
        assert record.as_published is expected
        (cell,) = (
            c
            for c in cells.cells(evidence, fake_runs.paper())
            if (c.method, c.metric) == ("rotograd", "avg_delta")
        )
        assert cell.as_published is expected


def test_the_papers_own_numbers_meet_its_claims_but_one(quick):
    """The claims are stated as the paper's tables have them; SVHN's IMTL-G is below MGDA there."""
    tests = {t["id"]: t["printed"] for c in quick["claims"] for t in c["tests"]}
    assert [name for name, printed in tests.items() if printed == "does not hold"] == [
        "digits_svhn_best"
    ]
    assert sum(printed == "holds" for printed in tests.values()) == 28
    assert tests["stability_above_noisier"] is None and tests["proposition_two_tasks"] is None


def test_a_test_that_few_seeds_leave_decided_says_what_decides_it(claimed):
    """One of seven rivals has two of five seeds: the others decide, and the reason is theirs."""
    runs = cifar10(claimed, -3.0)
    metrics = runs.metrics[(runs.metrics["method"] != "mgda") | (runs.metrics["seed"] < 2)]
    record = judged(claimed, [dataclasses.replace(runs, metrics=metrics)], test="cifar10_avg")
    record = record["cifar10_avg"]
    assert (record["verdict"], record["n"]) == ("does not hold", 2)
    assert "never confirm" not in record["reason"] and "(n = 5)" in record["reason"]
    assert record["reason"].startswith("6 of 7 comparisons")
