"""Statistics of few seeds against enumeration, textbook values and simulation."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rotograd_replication.claims import stats as inference


def average(x):
    return x.mean(-1)


def bootstrap(scores, apart=False, confidence=0.95, resamples=2000):
    columns = range(scores.shape[1])
    strata = [[i] for i in columns] if apart else [list(columns)]
    return inference.bootstrap(scores, average, strata, confidence, resamples)


@pytest.mark.parametrize("confidence", [0.4, 0.6, 0.8, 0.95])
def test_bootstrap_is_the_distribution_of_every_possible_draw(confidence):
    scores = np.array([0.0, 1.0, 3.0, 7.0, 20.0])
    every = [np.median(draw) for draw in product(scores, repeat=len(scores))]
    tail = (1 - confidence) / 2
    # An end of the enumerated interval may be the value beside it only where the share is at a jump.
    for end, share in zip(
        bootstrap(scores[:, None], False, confidence), (tail, 1 - tail), strict=True
    ):
        assert np.quantile(every, share - 0.02) <= end <= np.quantile(every, min(share + 0.02, 1))


def test_tasks_of_one_network_are_drawn_together():
    """Tasks that make up for each other exactly: their average is certain."""
    tasks = np.arange(6.0)[:, None] * [1, -1]
    assert bootstrap(tasks) == (0, 0)
    low, high = bootstrap(tasks, apart=True)
    assert low < -0.5 and high > 0.5


def shares_of_coverage(seeds, tasks, luck, apart, studies=300):
    """How often an interval holds the true median, where a seed's luck is shared by its tasks."""
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(studies):
        shared = random.normal(size=(seeds, 1))
        scores = luck * shared + (1 - luck) * random.normal(size=(seeds, tasks))
        low, high = bootstrap(scores, apart, resamples=300)
        hits += low <= 0 <= high
    return hits / studies


def test_the_interval_covers_and_one_of_tasks_drawn_apart_does_not():
    assert shares_of_coverage(10, 5, luck=0.7, apart=False) > 0.9
    assert shares_of_coverage(10, 5, luck=0.7, apart=True) < 0.8
    assert shares_of_coverage(10, 5, luck=0.0, apart=True) > 0.9


@pytest.mark.parametrize("seeds", [2, 3, 5, 8])
def test_coverage_of_the_extremes(seeds):
    runs = np.random.default_rng(0).exponential(size=(20_000, seeds))
    inside = (runs.min(1) <= np.log(2)) & (np.log(2) <= runs.max(1))
    assert inside.mean() == pytest.approx(inference.coverage(seeds), abs=0.015)


def test_paired_is_students_t():
    """Differences 1, 2, 3: t = 2 sqrt(3) with 2 degrees of freedom; t(0.975, 2) = 4.3027."""
    found = inference.paired(np.array([1.0, 2.0, 3.0]), 0.95)
    assert found.mean == 2
    assert found.p == pytest.approx(0.07418, abs=1e-5)
    assert (found.low, found.high) == pytest.approx(
        (2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-4
    )


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8).filter(lambda x: np.ptp(x) > 1e-3))
def test_paired_is_scipys(differences):
    found = inference.paired(np.array(differences), 0.9)
    expected = stats.ttest_1samp(differences, 0.0)
    assert found.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_paired_without_spread_is_certain():
    assert inference.paired(np.array([2.0, 2.0]), 0.95) == inference.Paired(2, 2, 2, 0)
    assert inference.paired(np.zeros(3), 0.95).p == 1


def test_paired_intervals_cover():
    random = np.random.default_rng(2)
    found = [inference.paired(random.normal(1, 3, size=5), 0.95) for _ in range(400)]
    assert np.mean([f.low <= 1 <= f.high for f in found]) == pytest.approx(0.95, abs=0.035)


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_a_share_is_scipys(found):
    interval = stats.binomtest(*found).proportion_ci(0.9, method="exact")
    assert inference.share(*found, 0.9) == pytest.approx((interval.low, interval.high))


def test_the_interval_of_a_share_is_the_textbooks():
    """None of 20: 1 - 0.025^(1 / 20); all of 3: 0.025^(1 / 3)."""
    assert inference.share(0, 20, 0.95) == pytest.approx((0.0, 0.16843), abs=1e-5)
    assert inference.share(3, 3, 0.95) == pytest.approx((0.29240, 1.0), abs=1e-5)


@pytest.mark.parametrize("needed", [0.5, 0.3])
def test_p_of_a_share_is_below_the_level_where_its_interval_leaves_it_out(needed):
    for met in range(13):
        low, high = inference.share(met, 12, 0.95)
        p = inference.share_p(met, 12, needed)
        assert (p < 0.05) == (not low <= needed <= high)
        if needed == 0.5:
            assert p == pytest.approx(stats.binomtest(met, 12).pvalue)


def test_seeds_needed_for_a_share_decide_as_often_as_asked():
    """All against a half: 6 seeds (2 / 64 is below 0.05); else by simulation."""
    assert inference.share_seeds_needed(1.0, 0.5, 0.05, 0.8) == 6
    assert inference.share_seeds_needed(0.0, 0.5, 0.05, 0.8) == 6
    assert inference.share_seeds_needed(0.5, 0.5, 0.05, 0.8) is None
    seeds = inference.share_seeds_needed(0.8, 0.5, 0.05, 0.8)
    met = np.random.default_rng(8).binomial([[seeds], [seeds - 1]], 0.8, size=(2, 20_000))
    enough, fewer = (
        inference.share_p(m, n, 0.5) for m, n in zip(met, (seeds, seeds - 1), strict=True)
    )
    assert np.mean(fewer < 0.05) < 0.8 <= np.mean(enough < 0.05) + 0.01


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=6),
    st.lists(st.integers(0, 4), min_size=1, max_size=6),
)
def test_improvement_counts_pairs(ours, theirs):
    wins = [(a > b) + 0.5 * (a == b) for a, b in product(ours, theirs)]
    found = inference.improvement(np.array(ours), np.array(theirs))
    assert found == pytest.approx(sum(wins) / len(wins))
    u = stats.mannwhitneyu(ours, theirs).statistic if len(set(ours + theirs)) > 1 else len(wins) / 2
    assert found == pytest.approx(u / len(wins))


@given(st.lists(st.floats(0, 1), max_size=5))
def test_holm_is_the_closed_test_of_bonferroni(p):
    """A hypothesis is rejected where every set of hypotheses with it in is, by Bonferroni."""
    places = range(len(p))
    sets = [s for n in range(1, len(p) + 1) for s in combinations(places, n)]
    closed = [
        max(min(1.0, len(s) * min(p[i] for i in s)) for s in sets if place in s) for place in places
    ]
    assert inference.holm(np.array(p)) == pytest.approx(closed)


def test_holm_keeps_the_chance_of_any_false_finding():
    random = np.random.default_rng(3)
    p = random.uniform(size=(2000, 6))
    assert np.mean([inference.holm(row).min() < 0.05 for row in p]) == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize(("effect", "seeds"), [(1.0, 10), (0.5, 34), (0.8, 15), (2.0, 5)])
def test_seeds_needed_are_those_of_the_tables(effect, seeds):
    """Paired t-test, two-sided, level 0.05, power 0.8 (Cohen's tables, G*Power)."""
    assert inference.seeds_needed(effect, 1.0, 0.05, 0.8) == seeds
    assert inference.seeds_needed(-effect * 7, 7.0, 0.05, 0.8) == seeds


def test_as_many_seeds_as_needed_decide():
    random = np.random.default_rng(4)
    seeds = inference.seeds_needed(1.0, 1.0, 0.05, 0.8)
    found = [inference.paired(random.normal(1, 1, size=seeds), 0.95).p < 0.05 for _ in range(400)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.06)


def test_no_number_of_seeds_decides_nothing():
    assert inference.seeds_needed(0.0, 1.0, 0.05, 0.8) is None
    assert inference.seeds_needed(0.001, 1.0, 0.05, 0.8) is None
    assert inference.seeds_needed(0.0, 0.0, 0.05, 0.8) is None
    assert inference.seeds_needed(1.0, 0.0, 0.05, 0.8) == 2
