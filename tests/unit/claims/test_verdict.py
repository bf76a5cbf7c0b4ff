"""Verdicts: planted effects are found, noise decides nothing, and what is missing is said."""

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from rotograd_replication.claims import (
    agreement,
    cells,
    comparison,
    decision,
    load,
    outcome,
    schema,
    verdict,
    verdict_file,
)
from rotograd_replication.claims import stats as inference
from rotograd_replication.claims.cell import Agreement, Replicated, Reported
from rotograd_replication.claims.evidence import Evidence
from rotograd_replication.claims.verdict_file import Judgement
from rotograd_replication.config.load import load_study
from rotograd_replication.config.yaml_files import ConfigurationError
from rotograd_replication.paper import table
from rotograd_replication.results import tidy
from rotograd_replication.results.quantities import Quantity
from tests.helpers import fake_runs
from tests.helpers.paths import CONFIGS, ROOT

REPORTED = CONFIGS / "paper" / "reported.csv"
EXAMPLE = ROOT / "tests" / "golden" / "verdicts.json"


@pytest.fixture(scope="module")
def claimed():
    return load.load(CONFIGS)


def found(experiment, values, folder=None, label="CIFAR-10", seconds=None):
    """Results of an experiment from (method, task) -> the Delta of each seed."""
    rows = [
        {"method": m, "seed": s, "task": t, "metric": "f1", "value": v / 100, "delta": v}
        for (m, t), series in values.items()
        for s, v in enumerate(series)
    ]
    table = pd.DataFrame(rows).assign(study="paper", experiment=experiment, higher_is_better=True)
    methods = dict.fromkeys(m for m, _ in values)
    facts = {"experiment": experiment, "runs": methods, "data": {"label": label}}
    return tidy.Results(experiment, table, facts, folder)


def judged(claimed, experiment_results, study="paper", test=None):
    """id of a test -> its verdict, as the file has it."""
    judging, reference = claimed
    chosen = load_study(CONFIGS, study)
    evidence = Evidence(chosen, judging, reference, {r.name: r for r in experiment_results})
    chosen = [[t for t in c.tests if test in (None, t.id)] for c in judging.claims]
    found = (test for tests in chosen for test in outcome.run(tests, evidence, {}))
    return {test.id: test.model_dump() for test in found}


RIVALS = ["vanilla", "graddrop", "pcgrad", "mgda", "gradnorm", "imtl_g", "imtl_g_rotation"]


def cifar10(claimed, advantage, seeds=5, noise=0.2, **options):
    """RotoGrad is better than all others by `advantage` on ten tasks."""
    random = np.random.default_rng(0)
    luck = random.normal(size=seeds)  # a seed's luck is the same for all methods
    values = {
        (m, t): 1 + luck + noise * random.normal(size=seeds) + advantage * (m == "rotograd")
        for m in [*RIVALS, "rotograd"]
        for t in "abcdefghij"
    }
    return found("cifar10", values, **options)


def test_a_planted_advantage_holds_and_its_reverse_does_not(claimed):
    for advantage, expected in ((3.0, "holds"), (-3.0, "does not hold")):
        record = judged(claimed, [cifar10(claimed, advantage)], test="cifar10_avg")["cifar10_avg"]
        assert record["verdict"] == record["leaning"] == expected
        assert record["n"] == 5 and record["more_seeds"] == 0
        assert len(record["comparisons"]) == len(RIVALS)
        for compared in record["comparisons"]:
            assert compared["low"] < compared["difference"] < compared["high"]
            assert compared["difference"] == pytest.approx(advantage, abs=0.5)
            assert compared["p"] <= compared["p_adjusted"] <= 0.05


def test_pairs_of_seeds_see_what_the_luck_of_seeds_would_hide(claimed):
    """A seed's luck is twice the advantage."""
    lucky = cifar10(claimed, 0.5, noise=0.1)
    record = judged(claimed, [lucky], test="cifar10_avg")["cifar10_avg"]
    assert record["verdict"] == "holds"
    assert max(c["improvement"] for c in record["comparisons"]) < 0.9


def test_noise_is_inconclusive_and_says_how_many_seeds(claimed):
    record = judged(claimed, [cifar10(claimed, 0.1, noise=1.0)], test="cifar10_avg")["cifar10_avg"]
    assert record["verdict"] == "inconclusive"
    assert record["more_seeds"] is None or record["more_seeds"] >= 1
    assert re.search(r"more would decide|no number of seeds in reach", record["reason"])


def test_few_seeds_never_decide(claimed):
    for advantage in (30.0, -30.0):
        runs = cifar10(claimed, advantage, seeds=2)
        record = judged(claimed, [runs], test="cifar10_avg")["cifar10_avg"]
        assert record["verdict"] == "inconclusive"
        assert record["more_seeds"] == 3
        assert "2 seeds, and fewer than 5 never confirm or refute" in record["reason"]


def test_false_findings_are_rare(claimed):
    """Without any effect, a claim of being best is almost never confirmed, and seldom refuted."""
    judging, _ = claimed
    study = load_study(CONFIGS, "paper")
    test = next(t for c in judging.claims for t in c.tests if t.id == "cifar10_avg")
    random = np.random.default_rng(5)
    verdicts = []
    for _ in range(100):
        values = {(m, t): random.normal(size=5) for m in [*RIVALS, "rotograd"] for t in "ab"}
        (decided,) = decision.run([test], judging, study, {"cifar10": found("cifar10", values)})
        verdicts.append(decided.judgement.verdict)
    assert verdicts.count("holds") == 0
    assert verdicts.count("does not hold") <= 8


def boundary(claimed, tests, seeds=5):
    """A claim of `tests` comparisons of independent methods with 0, where all truly have 0."""
    judging, study = claimed
    methods = list(study.experiments["cifar10"].methods)[:tests]
    made_of = {"experiment": "cifar10", "relation": "is not better than", "quantity": "avg_delta"}
    made_of |= {"hypothesis": "a true one, at its boundary", "against": [0]}
    claim = [schema.Test(id=m, methods=[m], **made_of) for m in methods]
    random = np.random.default_rng(6)

    def verdicts():
        values = {(m, "a"): random.normal(size=seeds) for m in methods}
        gathered = {"cifar10": found("cifar10", values)}
        return {d.judgement.verdict for d in decision.run(claim, judging, study, gathered)}

    return verdicts


def test_many_true_tests_refute_a_claim_as_seldom_as_one(claimed):
    """Seven tests, each corrected alone, would refute in 1 - 0.975^7 = 16 % of studies."""
    verdicts = boundary(claimed, tests=7)
    refuted = sum("does not hold" in verdicts() for _ in range(300))
    assert refuted <= 0.05 * 300


def test_p_values_are_corrected_over_all_comparisons_of_a_claim(claimed):
    judging, reference = claimed
    advantages = dict(zip([*RIVALS, "rotograd"], np.linspace(0, 1, 8), strict=True))
    random = np.random.default_rng(7)
    values = {(m, t): a + random.normal(size=5) for m, a in advantages.items() for t in "ab"}
    runs = found("cifar10", values)
    claim = next(c for c in judging.claims if c.id == "cifar10")
    evidence = Evidence(reference, judging, reference, {"cifar10": runs})
    comparisons = [c for t in outcome.run(claim.tests, evidence, {}) for c in t.comparisons]
    assert len(comparisons) == 3 * 7 + 2 + 3 + 1  # of six tests; two tasks in place of ten
    expected = inference.holm(np.array([c.p for c in comparisons]))
    assert [c.p_adjusted for c in comparisons] == pytest.approx(expected.tolist())


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
    assert "Left out: 1 missing or without a number." in record["reason"]
    assert [c["left_out"] for c in record["comparisons"]] == [0, 0, 0, 1, 0, 0, 0]
    fewer = tidy.Results("cifar10", whole.metrics[~gone], whole.provenance, whole.history_file)
    assert judged(claimed, [fewer], test="cifar10_avg")["cifar10_avg"] == record


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


def part(verdict, leaning, more_seeds=0):
    return Judgement(verdict=verdict, leaning=leaning, more_seeds=more_seeds)


@pytest.mark.parametrize(
    ("parts", "first", "expected"),
    [
        ([("holds", "holds")], "does not hold", ("holds", "holds", 0)),
        ([("holds", "holds"), ("does not hold",) * 2], "does not hold", ("does not hold",) * 2 + (0,)),
        ([("holds", "holds"), ("does not hold",) * 2], "holds", ("holds", "holds", 0)),
        ([("inconclusive", "holds", 4), ("inconclusive", "holds", 9)], "does not hold", ("inconclusive", "holds", 9)),
        ([("inconclusive", "holds", 4), ("inconclusive", "holds", 9)], "holds", ("inconclusive", "holds", 4)),
        ([("inconclusive", "holds", 99), ("inconclusive", "does not hold", 2)], "does not hold", ("inconclusive", "does not hold", 2)),
        ([("inconclusive", "holds", None), ("inconclusive", "holds", 9)], "does not hold", ("inconclusive", "holds", None)),
    ],
)  # fmt: skip
def test_parts_make_a_whole(parts, first, expected):
    whole = decision.together([part(*p) for p in parts], first)
    assert whole == part(*expected)


BAD = [
    (["claims", 0, "tests", 0, "methods"], ["rotogrd"], "unknown method `rotogrd`. Did you mean `rotograd`?"),
    (["claims", 0, "tests", 0, "quantity"], "objective_rang", "Did you mean `objective_range`?"),
    (["quantities", "worse_objective", "metric"], None, "`at: last_epoch` must be of `value` and name its `metric`"),
    (["quantities", "avg_delta", "at"], "last_epoch", "Found `of: delta`, `metric: None`"),
    (["experiments", "digits", "minimum_n", "value"], 1, "greater than or equal to 2. Found 1"),
    (["claims", 0, "tests", 0, "share", "value"], 50, "less than 1. Found 50"),
    (["claims", 3, "tests", 0, "against"], ["vanila"], "cifar10: cifar10_avg: unknown method `vanila`"),
    (["claims", 3, "tests", 0, "experiment"], "cifar", "Did you mean `cifar10`?"),
    (["quantities", "avg_delta", "direction"], "up", "quantities.avg_delta.direction"),
    (["quantities", "sum_mse", "tasks"], ["summ"], "unknown task `summ`. Did you mean `sum`?"),
    (["experiments", "digits", "cells"], ["digits_avg"], "Did you mean `digits_avg_delta`?"),
    (["experiments", "digit"], {"minimum_n": {"value": 2, "source": "choice: x"}}, "unknown experiment `digit`"),
    (["claims", 0, "tests", 1, "id"], "toy_convex_rotograd", "Found `toy_convex_rotograd` twice"),
    (["claims", 0, "tests", 0, "percent"], True, "`percent` must compare with methods"),
    (["statistics", "confidence", "value"], 95, "less than 1. Found 95"),
    (["claim"], [], "`claim` is not a key. Did you mean `claims`?"),
    (["reference"], "papr", "Did you mean `paper`?"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "value", "expected"), BAD)
def test_bad_claims_are_one_clear_error(configs, keys, value, expected):
    own = keys[0] == "quantities" or keys[-1] == "cells"
    path = configs / "paper" / ("quantities.yaml" if own else "claims.yaml")
    content = yaml.safe_load(path.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(ConfigurationError) as error:
        load.load(configs)
    assert expected in str(error.value)


def test_the_eight_claims_and_every_reported_number(claimed):
    judging, reference = claimed
    assert [c.number for c in judging.claims] == list(range(1, 9))
    empty = cells.cells(Evidence(reference, judging, reference, {}), fake_runs.paper())
    assert len(list(empty)) == len(pd.read_csv(REPORTED))


def test_the_papers_own_numbers_meet_its_claims_but_one(quick):
    """The claims are stated as the paper's tables have them; SVHN's IMTL-G is below MGDA there."""
    tests = {t["id"]: t["printed"] for c in quick["claims"] for t in c["tests"]}
    assert [name for name, printed in tests.items() if printed == "does not hold"] == [
        "digits_svhn_best"
    ]
    assert sum(printed == "holds" for printed in tests.values()) == 26
    assert tests["stability_above_noisier"] is None and tests["proposition_two_tasks"] is None


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


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Made-up runs of the quick study, aggregated, and the folder they lie in."""
    folder = tmp_path_factory.mktemp("quick")
    study, datasets = fake_runs.configuration("quick")
    gathered = {
        e: fake_runs.write(folder, study, "quick", e, datasets).aggregate(
            study, "quick", e, datasets
        )
        for e in study.experiments
    }
    return study, gathered, folder


@pytest.fixture(scope="module")
def quick(made, claimed):
    """Verdicts on them."""
    study, gathered, folder = made
    out = folder / "verdicts.json"
    verdict.run(study, "quick", *claimed, list(gathered.values()), REPORTED, out)
    return json.loads(out.read_text(), parse_constant=lambda name: pytest.fail(name))


def test_quick_is_judged_where_its_data_are_no_stand_ins(quick):
    verdicts = {c["id"]: c["verdict"] for c in quick["claims"]}
    assert verdicts.pop("proposition") == "holds"
    assert verdicts.pop("toy") == "inconclusive"  # two seeds
    assert set(verdicts.values()) == {"stand-in data"}
    compared = {c["agreement"] for c in quick["cells"] if c["reported"] and c["n"]}
    assert compared == {"not compared"}


def test_the_file_is_read_as_it_was_written(quick, made):
    """And the example of an earlier one has the same keys."""
    whole = verdict_file.read(made[2] / "verdicts.json")
    assert whole.model_dump(mode="json") == quick
    assert verdict_file.read(EXAMPLE).model_dump(mode="json") == json.loads(EXAMPLE.read_text())


MODELS = [m for m in vars(verdict_file).values() if getattr(m, "model_fields", None)]


@pytest.mark.parametrize("model", MODELS)
def test_every_key_is_described(model):
    inherited = {key for base in model.__bases__ for key in getattr(base, "model_fields", {})}
    said = re.findall(r"^ {4}(?: {4})?(\w+): ", model.__doc__, re.M)
    assert [key for key in model.model_fields if key not in inherited] == said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"claims": None}, "`claims`: Input should be a valid tuple. Found None."),
        ({"cell": []}, "`cell` is not a key. Did you mean `cells`?"),
    ],
)
def test_a_damaged_file_is_one_clear_error(quick, tmp_path, change, message):
    path = tmp_path / "verdicts.json"
    path.write_text(json.dumps(quick | change))
    with pytest.raises(ValueError, match=re.escape(f"`{path}`: {message}")) as error:
        verdict_file.read(path)
    assert str(error.value).endswith("Delete it and run `verdict` again.")


def test_a_percentage_of_zero_is_left_out(claimed):
    """As everything without a number: hours of runs of which one took none."""
    test = next(t for c in claimed[0].claims for t in c.tests if t.id == "stability_returns")
    column = pd.Series(
        {("a", 0): 1.0, ("a", 1): 2.0, ("b", 0): 0.0, ("b", 1): 1.0}, dtype=float
    ).rename_axis(["method", "seed"])
    pair = comparison._pair(test, column, "a", "b", None)
    assert (pair.ours.tolist(), pair.theirs.tolist(), pair.left_out) == ([2.0], [1.0], 1)


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


def test_verdicts_and_status_never_load_torch():
    """Whatever they import, and whatever that imports."""
    code = "import sys; from rotograd_replication.results import status; from rotograd_replication.claims import verdict; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_claim_says_what_its_tests_do(quick):
    by_id = {claim["id"]: claim for claim in quick["claims"]}
    assert by_id["proposition"]["reason"] == "Of 2 tests 2 hold."
    assert by_id["celeba"]["reason"] == "Of 9 tests 9 are on stand-in data."
    for claim in quick["claims"]:
        assert sum(claim["counts"].values()) == len(claim["tests"])
