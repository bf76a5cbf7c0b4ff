"""What the results say of the paper, written: a verdict per claim, and every reported number."""

import logging
from pathlib import Path

from ..config import schema, settings
from ..files import atomic
from ..results.quantities import read_paper
from ..results.tidy import Results
from . import agreement, cells, decision, outcome
from .evidence import Evidence
from .printed import Numbers
from .schema import Claim, Claims
from .verdict_file import ClaimVerdict, Judgement, Settings, TestVerdict, Verdict, Verdicts

log = logging.getLogger(__name__)

# Each verdict, and what so many tests do.
WORDS = {
    Verdict.HOLDS: "hold",
    Verdict.FAILS: "do not hold",
    Verdict.OPEN: "are inconclusive",
    Verdict.NOT_RUN: "are not run",
    Verdict.STANDIN: "are on stand-in data",
}
SILENT = {Verdict.NOT_RUN, Verdict.STANDIN}


def run(
    study: schema.Study,
    study_name: str,
    claims: Claims,
    reference: schema.Study,
    results: list[Results],
    reported: Path,
    out: Path,
) -> None:
    """Judge every claim on the results that there are, next to every reported number.

    Args:
        study: The configuration that the results were made under.
        study_name: Its name.
        claims: What is judged.
        reference: The study that is configured as published.
        results: Of some or all of the study's experiments.
        reported: The paper's numbers.
        out: Written: `verdict_file.Verdicts`.
    """
    evidence = Evidence(study, claims, reference, {result.name: result for result in results})
    paper = read_paper(claims.quantities, claims.printed, reported)
    compared = tuple(cells.cells(evidence, paper))
    numbers = cells.printed_numbers(evidence, paper)
    content = Verdicts(
        study=study_name,
        title=study.title,
        reference=claims.reference,
        statistics=Settings(**settings.values(claims.statistics)),
        claims=tuple(_judge(claim, evidence, numbers) for claim in claims.claims),
        cells=compared,
        counts=agreement.counts(compared),
    )
    atomic.write_json(out, content.model_dump(mode="json"))
    for claim in content.claims:
        log.info("%d %-12s %-15s %s", claim.number, claim.id, claim.verdict, claim.reason)


def _judge(claim: Claim, evidence: Evidence, numbers: Numbers) -> ClaimVerdict:
    tests = outcome.run(claim.tests, evidence, numbers)
    verdicts = [test.verdict for test in tests]
    counts = {verdict: verdicts.count(verdict) for verdict in WORDS}
    whole = _together(tests)
    said = ", ".join(f"{n} {WORDS[verdict]}" for verdict, n in counts.items() if n)
    reason = f"Of {len(tests)} tests {said}."
    if whole.verdict == Verdict.OPEN:
        ran = [test for test in tests if test.verdict not in SILENT]
        agree = sum(test.leaning == Verdict.HOLDS for test in ran)
        reason += f" The means agree with {agree} of the {len(ran)} that ran."
    if whole.verdict not in SILENT and not all(test.as_published for test in tests):
        reason += " Not configured as published: says nothing of the published budget."
    return ClaimVerdict(
        **dict(whole),
        id=claim.id,
        number=claim.number,
        sentence=claim.sentence,
        source=claim.source,
        reason=reason,
        counts=counts,
        tests=tuple(tests),
    )


def _together(tests: list[TestVerdict]) -> Judgement:
    """One refuted test refutes a claim; it holds where all its tests do."""
    judged = [test for test in tests if test.verdict not in SILENT]
    silent = {test.verdict for test in tests} & SILENT
    if not judged:
        standin = Verdict.STANDIN in silent
        return Judgement(verdict=Verdict.STANDIN if standin else Verdict.NOT_RUN)
    whole = decision.together(judged, first=Verdict.FAILS)
    if silent and whole.leaning != Verdict.FAILS:
        return Judgement(verdict=Verdict.OPEN)
    return whole
