"""The tests of a claim: decided where there are results, silent where there are none."""

from collections.abc import Sequence

from . import decision, explain, printed, proposition
from .decision import Decision
from .evidence import Evidence
from .printed import Numbers
from .schema import Computation, Test
from .verdict_file import Judgement, MeasuredQuantity, TestVerdict, Verdict


def run(
    tests: Sequence[Test | Computation], evidence: Evidence, numbers: Numbers
) -> list[TestVerdict]:
    """Judge the tests of one claim together.

    Args:
        tests: In their order.
        evidence: What they are judged on.
        numbers: The paper's.
    """
    comparisons = [test for test in tests if isinstance(test, Test)]
    there = [test for test in comparisons if evidence.lack(test) is None]
    decisions = decision.run(there, evidence.claims, evidence.study, evidence.results)
    decided = {test.id: each for test, each in zip(there, decisions, strict=True)}
    return [
        compute(test)
        if isinstance(test, Computation)
        else _compare(test, evidence, numbers, decided.get(test.id))
        for test in tests
    ]


def compute(test: Computation) -> TestVerdict:
    """Judge a test by arithmetic."""
    outcome = proposition.check(test.computation)
    verdict = Verdict.HOLDS if outcome.lowered == outcome.draws else Verdict.FAILS
    reason = f"{outcome.lowered} of {outcome.draws} random sets of losses have such a step"
    if outcome.conflicting:
        reason += (
            f" (where gradients conflict, {outcome.conflicting_lowered} of {outcome.conflicting})"
        )
    return TestVerdict(
        verdict=verdict,
        leaning=verdict,
        more_seeds=0,
        id=test.id,
        hypothesis=test.hypothesis,
        kind="computation",
        reason=f"{reason}; no results enter.",
    )


def _compare(
    test: Test, evidence: Evidence, numbers: Numbers, decided: Decision | None
) -> TestVerdict:
    """Judge a test by results; `decided` is None where they are missing."""
    claims, experiment = evidence.claims, test.experiment
    quantity = claims.quantities[test.quantity]
    judgement, reason = _judge(test, evidence, decided)
    return TestVerdict(
        **dict(judgement),
        id=test.id,
        hypothesis=test.hypothesis,
        kind="comparison",
        experiment=experiment,
        quantity=MeasuredQuantity(
            name=test.quantity,
            label=quantity.label,
            direction=quantity.direction,
            unit=quantity.unit,
        ),
        relation=test.relation,
        share=test.share.value if test.share else None,
        minimum_n=claims.experiments[experiment].minimum_n.value,
        n=decided.n if decided else 0,
        reason=reason,
        printed=printed.judge(test, claims, numbers),
        standin=bool(decided) and evidence.standin(experiment),
        as_published=not decided or evidence.as_published(experiment, test.compared, quantity.of),
        data=evidence.results[experiment].provenance["data"]["label"] if decided else None,
        comparisons=decided.comparisons if decided else (),
    )


def _judge(test: Test, evidence: Evidence, decided: Decision | None) -> tuple[Judgement, str]:
    """Judge it, and say why."""
    if decided is None:
        return Judgement(verdict=Verdict.NOT_RUN), str(evidence.lack(test))
    if evidence.standin(test.experiment):
        reason = "Generated stand-ins can neither confirm nor refute."
        return Judgement(verdict=Verdict.STANDIN), reason
    return decided.judgement, explain.sentence(decided, test, evidence.claims)
