"""One test of a claim as a record: judged where there are results, silent where there are none."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import config, judge, proposition, reasons, schema
from .claims import Claims, Computation, Test
from .judge import FAILS, HOLDS
from .results import Results

NOT_RUN, STANDIN = "not run", "stand-in data"
UNKNOWN: dict[str, Any] = {"leaning": None, "more_seeds": None}
EMPTY: dict[str, Any] = {
    "kind": "comparison",
    "n": 0,
    **UNKNOWN,
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


def record(test: Test | Computation, evidence: Evidence) -> dict[str, Any]:
    """The record of one test, as `verdict` describes it."""
    return computation(test) if isinstance(test, Computation) else comparison(test, evidence)


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


def comparison(test: Test, evidence: Evidence) -> dict[str, Any]:
    """The record of a test that results decide, if there are any."""
    claims, experiment = evidence.claims, test.experiment
    quantity = claims.quantities[test.quantity].model_dump(include={"label", "direction", "unit"})
    said = EMPTY | {
        "id": test.id,
        "hypothesis": test.hypothesis,
        "experiment": experiment,
        "quantity": {"name": test.quantity, **quantity},
        "relation": test.relation,
        "minimum_n": claims.experiments[experiment].minimum_n.value,
    }
    if experiment not in evidence.results:
        known = experiment in evidence.study.experiments
        lack = "no results of" if known else "no experiment"
        return said | {"verdict": NOT_RUN, "reason": f"The study has {lack} `{experiment}`."}
    found = evidence.results[experiment]
    try:
        judged = judge.run(test, claims, evidence.study, found)
    except KeyError as missing:
        reason = f"`{experiment}` has no runs of `{missing.args[0]}`."
        return said | {"verdict": NOT_RUN, "reason": reason}
    methods = [*test.methods, *(other for other in test.against if isinstance(other, str))]
    said |= judged | {"data": found.provenance["data"]["label"]}
    said["as_published"] = evidence.as_published(experiment, methods)
    said["reason"] = reasons.sentence(said)
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
