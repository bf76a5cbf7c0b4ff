"""The tests of a claim as records: judged where there are results, silent where there are none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..config import load as config
from ..config import schema
from ..results.relative_improvement import BASELINE
from ..results.tidy import Results
from . import comparison as judge
from . import explain, proposition
from .comparison import FAILS, HOLDS
from .schema import Claims, Computation, Test

NOT_RUN, STANDIN = "not run", "stand-in data"
UNKNOWN: dict[str, Any] = {"leaning": None, "more_seeds": None}
EMPTY: dict[str, Any] = {
    "kind": "comparison",
    "n": 0,
    **UNKNOWN,
    "share": None,
    "standin": False,
    "as_published": True,
    "data": None,
    "comparisons": [],
}


@dataclass(frozen=True)
class Evidence:
    """A study and its results, by experiment; with the claims and what counts as published."""

    study: schema.Study
    claims: Claims
    reference: schema.Study
    results: dict[str, Results]

    def standin(self, experiment: str) -> bool:
        """Whether its data are generated."""
        chosen = self.study.experiments.get(experiment)
        return bool(chosen and self.study.datasets[chosen.dataset].standin)

    def as_published(self, experiment: str, methods: list[str]) -> bool:
        """Whether the methods' runs are configured as in the reference study."""
        studies = (self.study, self.reference)
        if any(experiment not in study.experiments for study in studies):
            return False
        known = [study.experiments[experiment].methods for study in studies]
        if any(method not in legal for legal in known for method in methods):
            return False
        ours, published = (
            [config.run_digest(study, experiment, method) for method in methods]
            for study in studies
        )
        return ours == published


def records(tests: Sequence[Test | Computation], evidence: Evidence) -> list[dict[str, Any]]:
    """The records of a claim's tests, as `verdict` describes them, judged together."""
    comparisons = [test for test in tests if isinstance(test, Test)]
    there = [test for test in comparisons if lack(test, evidence) is None]
    judged = judge.run(there, evidence.claims, evidence.study, evidence.results)
    found = {test.id: one for test, one in zip(there, judged, strict=True)}
    return [
        comparison(test, evidence, found.get(test.id))
        if isinstance(test, Test)
        else computation(test)
        for test in tests
    ]


def lack(test: Test, evidence: Evidence) -> str | None:
    """Which results a test misses, in a sentence; None where it can be judged."""
    experiment = test.experiment
    if experiment not in evidence.results:
        known = experiment in evidence.study.experiments
        return f"The study has {'no results of' if known else 'no experiment'} `{experiment}`."
    metrics = evidence.results[experiment].metrics
    run = set(metrics["method"])
    missing = [name for name in _methods(test) if name not in run]
    of = evidence.claims.quantities[test.quantity].of
    if not missing and of == "delta" and metrics["delta"].isna().all() and BASELINE not in run:
        return f"`{experiment}` has no runs of `{BASELINE}`: Δ is undefined."
    return f"`{experiment}` has no runs of `{missing[0]}`." if missing else None


def _methods(test: Test) -> list[str]:
    return [*test.methods, *(other for other in test.against if isinstance(other, str))]


def computation(test: Computation) -> dict[str, Any]:
    """The record of a test that arithmetic decides."""
    outcome = proposition.check(test.computation)
    holds = outcome.lowered == outcome.draws
    reason = f"{outcome.lowered} of {outcome.draws} random sets of losses have such a step"
    if outcome.conflicting:
        reason += (
            f" (where gradients conflict, {outcome.conflicting_lowered} of {outcome.conflicting})"
        )
    return EMPTY | {
        "id": test.id,
        "hypothesis": test.hypothesis,
        "kind": "computation",
        "experiment": None,
        "quantity": None,
        "relation": "",
        "minimum_n": 0,
        "verdict": HOLDS if holds else FAILS,
        "leaning": HOLDS if holds else FAILS,
        "more_seeds": 0,
        "reason": f"{reason}; no results enter.",
    }


def comparison(test: Test, evidence: Evidence, judged: dict[str, Any] | None) -> dict[str, Any]:
    """The record of a test that results decide; `judged` is None where they are missing."""
    claims, experiment = evidence.claims, test.experiment
    quantity = claims.quantities[test.quantity].model_dump(include={"label", "direction", "unit"})
    said = EMPTY | {
        "id": test.id,
        "hypothesis": test.hypothesis,
        "experiment": experiment,
        "quantity": {"name": test.quantity, **quantity},
        "relation": test.relation,
        "share": test.share.value if test.share else None,
        "minimum_n": claims.experiments[experiment].minimum_n.value,
    }
    if judged is None:
        return said | {"verdict": NOT_RUN, "reason": lack(test, evidence)}
    said |= judged | {"data": evidence.results[experiment].provenance["data"]["label"]}
    said["as_published"] = evidence.as_published(experiment, _methods(test))
    said["reason"] = explain.sentence(said)
    if evidence.standin(experiment):
        said |= {"standin": True, "verdict": STANDIN} | UNKNOWN
        said["reason"] = "Generated stand-ins can neither confirm nor refute."
    return said


def printed(
    test: Test | Computation, claims: Claims, numbers: dict[tuple[str, str, str], float]
) -> str | None:
    """Whether the paper's own numbers meet a test; None where it prints too few of them.

    Args:
        test: a test of a claim.
        claims: all of them.
        numbers: (experiment, method, quantity) -> the number that the paper prints.
    """
    if isinstance(test, Computation):
        return None
    quantity = claims.quantities[test.quantity]
    met = []
    for method in test.methods:
        for other in test.against:
            ours = numbers.get((test.experiment, method, test.quantity))
            theirs = numbers.get((test.experiment, other, test.quantity))
            theirs = theirs if isinstance(other, str) else other
            if ours is None or theirs is None:
                return None
            pair = judge.Pair(method, other, None, np.array([ours]), np.array([theirs]), 0)
            difference, scale = judge.differences(test, pair)
            if scale == judge.SPREAD:
                return None
            met.append(judge.slack(test, quantity, difference)[0] > 0)
    return HOLDS if (all(met) if test.need == "all" else any(met)) else FAILS
