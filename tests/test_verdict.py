"""Verdicts: planted effects are found, noise decides nothing, and what is missing is said."""

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from rotograd_replication import agreement, claims, config, delta, judge, results, trial, verdict
from rotograd_replication.tables import _nyuv2, celeba
from tests import fixtures
from tests.paths import CONFIGS, ROOT
from tests.test_config import change, configs  # noqa: F401

REPORTED = CONFIGS / "paper" / "reported.csv"
EXAMPLE = ROOT / "tests" / "golden" / "verdicts.json"


@pytest.fixture(scope="module")
def claimed():
    return claims.load(CONFIGS)


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
    return results.Results(experiment, table, facts, folder)


def judged(claimed, experiment_results, study="paper", test=None):
    """id of a test -> its record."""
    judging, reference = claimed
    chosen = config.load_study(CONFIGS, study)
    evidence = trial.Evidence(chosen, judging, reference, {r.name: r for r in experiment_results})
    tests = [t for c in judging.claims for t in c.tests if isinstance(t, claims.Test)]
    return {t.id: trial.comparison(t, evidence) for t in tests if test in (None, t.id)}


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
        for comparison in record["comparisons"]:
            assert comparison["low"] < comparison["difference"] < comparison["high"]
            assert comparison["difference"] == pytest.approx(advantage, abs=0.5)
            assert comparison["p"] <= comparison["p_adjusted"] <= 0.05


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
    study = config.load_study(CONFIGS, "paper")
    test = next(t for c in judging.claims for t in c.tests if t.id == "cifar10_avg")
    random = np.random.default_rng(5)
    verdicts = []
    for _ in range(100):
        values = {(m, t): random.normal(size=5) for m in [*RIVALS, "rotograd"] for t in "ab"}
        verdicts.append(judge.run(test, judging, study, found("cifar10", values))["verdict"])
    assert verdicts.count("holds") == 0
    assert verdicts.count("does not hold") <= 8


def test_runs_without_a_number_are_left_out_and_counted(claimed):
    whole = cifar10(claimed, 3.0, seeds=7)
    gone = (whole.metrics["method"] == "mgda") & (whole.metrics["seed"] == 2)
    whole.metrics.loc[gone, ["value", "delta"]] = np.nan
    record = judged(claimed, [whole], test="cifar10_avg")["cifar10_avg"]
    assert record["n"] == 6
    assert "Left out: 1 missing or without a number." in record["reason"]
    assert [c["left_out"] for c in record["comparisons"]] == [0, 0, 0, 1, 0, 0, 0]
    fewer = results.Results("cifar10", whole.metrics[~gone], whole.provenance, whole.history_file)
    assert judged(claimed, [fewer], test="cifar10_avg")["cifar10_avg"] == record


def test_what_is_missing_is_not_run(claimed):
    records = judged(claimed, [])
    assert {r["verdict"] for r in records.values()} == {"not run"}
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


def relation(words, ours, theirs, margin=0.0, percent=False, direction="higher", minimum=3):
    """The verdict on one comparison."""
    sourced = {"value": margin, "source": "choice: a test"}
    test = claims.Test(
        id="a", hypothesis="a", experiment="a", methods=["a"], relation=words, against=["b"],
        quantity="a", margin=sourced, percent=percent,
    )  # fmt: skip
    made_of = {"label": "a", "of": "value", "statistic": "avg", "unit": ""}
    quantity = claims.Quantity(direction=direction, **made_of)
    pair = judge.Pair("a", "b", None, np.array(ours), np.array(theirs), 0)
    met = judge.slack(test, quantity, judge.differences(test, pair)[0])
    p = judge.inference.paired(met, 0.95).p if len(met) > 1 else None
    return judge.decide(met, p, minimum, 0.05)


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
    ("is better than", [2.0], [1.0], {"minimum": 1}, "holds"),
    ("is better than", [1.0], [2.0], {"minimum": 1}, "does not hold"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "ours", "theirs", "options", "expected"), RELATIONS)
def test_relations(words, ours, theirs, options, expected):
    assert relation(words, ours, theirs, **options) == expected


def part(verdict, leaning, more_seeds=0):
    return {"verdict": verdict, "leaning": leaning, "more_seeds": more_seeds}


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
    whole = judge.together([part(*p) for p in parts], first)
    assert tuple(whole.values()) == expected


BAD = [
    (["claims", 0, "tests", 0, "methods"], ["rotogrd"], "unknown method `rotogrd`. Did you mean `rotograd`?"),
    (["claims", 0, "tests", 0, "quantity"], "objectve", "Did you mean `objective`?"),
    (["claims", 3, "tests", 0, "against"], ["vanila"], "cifar10: cifar10_avg: unknown method `vanila`"),
    (["claims", 3, "tests", 0, "experiment"], "cifar", "Did you mean `cifar10`?"),
    (["quantities", "avg_delta", "direction"], "up", "quantities.avg_delta.direction"),
    (["quantities", "sum_mse", "tasks"], ["summ"], "unknown task `summ`. Did you mean `sum`?"),
    (["experiments", "digits", "cells"], ["digits_avg"], "Did you mean `digits_avg_delta`?"),
    (["experiments", "digit"], {"minimum_n": {"value": 1, "source": "choice: x"}}, "unknown experiment `digit`"),
    (["claims", 0, "tests", 1, "id"], "toy_convex_rotograd", "Found `toy_convex_rotograd` twice"),
    (["claims", 0, "tests", 0, "percent"], True, "`percent` must compare with methods"),
    (["statistics", "confidence", "value"], 95, "less than 1. Found 95"),
    (["claim"], [], "`claim` is not a key. Did you mean `claims`?"),
    (["reference"], "papr", "Did you mean `paper`?"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "value", "expected"), BAD)
def test_bad_claims_are_one_clear_error(configs, keys, value, expected):  # noqa: F811
    path = configs / "paper" / "claims.yaml"
    content = yaml.safe_load(path.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(config.ConfigurationError) as error:
        claims.load(configs)
    assert expected in str(error.value)


def test_the_eight_claims_and_every_reported_number(claimed):
    judging, reference = claimed
    assert [c.number for c in judging.claims] == list(range(1, 9))
    empty = agreement.cells(judging, reference, reference, {}, agreement.read(REPORTED))
    assert len(list(empty)) == len(pd.read_csv(REPORTED))


def test_the_papers_own_numbers_meet_its_claims_but_one(quick):
    """The claims are stated as the paper's tables have them; SVHN's IMTL-G is below MGDA there."""
    tests = {t["id"]: t["printed"] for c in quick["claims"] for t in c["tests"]}
    assert [name for name, printed in tests.items() if printed == "does not hold"] == [
        "digits_svhn_best"
    ]
    assert sum(printed == "holds" for printed in tests.values()) == 26
    assert tests["stability_above_noisier"] is None and tests["proposition_two_tasks"] is None


@pytest.mark.parametrize(
    ("ours", "paper", "expected"),
    [
        ((2.0, 1.5, 2.6), (2.5, 0.4), agreement.INSIDE),
        ((2.0, 1.5, 2.496), (2.5, 0.1), agreement.INSIDE),  # 2.5 is printed for 2.496
        ((2.0, 1.5, 2.1), (2.6, 0.4), agreement.NEAR),
        ((2.0, 1.5, 2.1), (2.9, 0.4), agreement.OUTSIDE),
        ((2.0, 1.5, 2.1), (2.2, None), agreement.OUTSIDE),
        ((2.0, None, None), (2.5, 0.4), agreement.NEAR),
        ((None, None, None), (2.5, 0.4), None),
        ((2.0, 1.5, 2.1), (None, None), None),
    ],
)
def test_agreement(ours, paper, expected):
    cell = dict(zip(("value", "low", "high"), ours, strict=True))
    cell |= dict(zip(("reported", "reported_std"), paper, strict=True))
    agrees, remark = agreement.judge(cell, standin=False, of="delta")
    assert agrees == expected
    if expected == agreement.OUTSIDE and paper[1] is None:
        assert remark == agreement.SINGLE
    if expected:
        assert agreement.judge(cell, True, "delta") == (agreement.NOT_COMPARED, agreement.STANDIN)
        assert agreement.judge(cell, False, "hours") == (agreement.NOT_COMPARED, agreement.HOURS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Made-up runs of the quick study, aggregated, and the folder they lie in."""
    folder = tmp_path_factory.mktemp("quick")
    study, datasets = fixtures.configuration("quick")
    gathered = {
        e: fixtures.write(folder, study, "quick", e, datasets).aggregate(
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
    assert verdicts.pop("toy") in ("holds", "does not hold")
    assert set(verdicts.values()) == {"stand-in data"}
    compared = {c["agreement"] for c in quick["cells"] if c["reported"] and c["n"]}
    assert compared == {"not compared"}


def keys(content):
    """The contract's mappings and their keys."""
    claim = content["claims"][0]
    places = [content, content["statistics"], claim, claim["tests"][0], content["cells"][0]]
    places += [claim["tests"][0]["quantity"], claim["tests"][0]["comparisons"][0]]
    return [sorted(place) for place in places]


def test_every_key_is_described_and_the_example_has_the_same(quick):
    assert keys(quick) == keys(json.loads(EXAMPLE.read_text()))
    words = set(re.findall(r"\w+", verdict.__doc__))
    for place in keys(quick):
        assert set(place) <= words


TABLES = [
    ("cifar10", "avg_delta", lambda r: delta.over_tasks(r.tests)["avg"]),
    ("cifar10", "med_delta", lambda r: delta.over_tasks(r.tests)["med"]),
    ("cifar10", "max_delta", lambda r: delta.over_tasks(r.tests)["max"]),
    ("celeba_conv", "std_f1", lambda r: celeba.over_tasks(r.tests)["std"]),
    ("celeba_resnet", "min_f1", lambda r: celeba.over_tasks(r.tests)["min"]),
]


@pytest.mark.parametrize(("experiment", "metric", "column"), TABLES)
def test_cells_are_those_of_the_tables(made, quick, experiment, metric, column):
    """The tables reckon their medians by other code."""
    expected = delta.over_seeds(column(made[1][experiment])).droplevel("quantity")["value"]
    cells = [c for c in quick["cells"] if (c["experiment"], c["metric"]) == (experiment, metric)]
    assert {c["method"]: pytest.approx(c["value"]) for c in cells} == expected.to_dict()


def test_cells_of_nyuv2_are_those_of_its_table(made, quick):
    columns = _nyuv2._ours(made[1]["nyuv2"], "")
    for task, (heading, metrics) in _nyuv2.TASKS.items():
        for metric, quantity in {**metrics, f"{task}_avg_delta": _nyuv2.DELTA}.items():
            expected = columns[heading, quantity]["value"]
            cells = [c for c in quick["cells"] if c["metric"] == metric]
            found = {c["method"]: pytest.approx(c["value"]) for c in cells}
            assert found and found == expected.to_dict()


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
    code = "import sys; from rotograd_replication import status, verdict; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_claim_says_what_its_tests_do(quick):
    by_id = {claim["id"]: claim for claim in quick["claims"]}
    assert by_id["proposition"]["reason"] == "Of 2 tests 2 hold."
    assert by_id["celeba"]["reason"] == "Of 9 tests 9 are on stand-in data."
    for claim in quick["claims"]:
        assert sum(claim["counts"].values()) == len(claim["tests"])
