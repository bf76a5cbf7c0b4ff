"""Planted effects are found, noise decides nothing, and a claim is decided as a whole."""

import re

import numpy as np
import pytest

from rotograd_replication.claims import decision, outcome, schema
from rotograd_replication.claims import stats as inference
from rotograd_replication.claims.evidence import Evidence
from rotograd_replication.claims.verdict_file import Judgement
from rotograd_replication.config.load import load_study
from tests.helpers.paths import CONFIGS
from tests.helpers.planted import RIVALS, cifar10, found, judged


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
    refuted = sum("does not hold" in verdicts() for _ in range(100))
    assert refuted <= 5


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
