"""The verdict strip: the paper's claims, one after the other, and the tests behind each."""

from typing import Any

from ...claims.verdict_file import Judgement, Verdict
from ._material import Material

TITLE = "Did the paper hold up?"
# Verdict -> its sign, its style, and what it means; in words in the page, never by colour alone.
SIGNS = {
    Verdict.HOLDS: ("✓", "good", "every test of the claim holds"),
    Verdict.FAILS: ("✕", "bad", "a test of the claim fails beyond its interval"),
    Verdict.OPEN: ("?", "open", "too few seeds, or an interval on both sides of the margin"),
    Verdict.NOT_RUN: ("–", "none", "no results to test it on"),
    Verdict.STANDIN: ("≈", "standin", "generated data can neither confirm nor refute"),
}


def build(material: Material) -> dict[str, Any]:
    """Gather the claims with their signs; none where no verdicts are made yet."""
    verdicts = material.verdicts
    claims = verdicts.claims if verdicts else ()
    counts = {v: sum(claim.verdict == v for claim in claims) for v in SIGNS}
    return {
        "claims": claims,
        "signs": SIGNS,
        "counts": {verdict: n for verdict, n in counts.items() if n},
        "statistics": verdicts and verdicts.statistics,
        "reference": verdicts and verdicts.reference,
        "lean": _lean,
    }


def _lean(judgement: Judgement) -> str:
    """Say where the means of what is not decided point; empty for all else."""
    if judgement.verdict != Verdict.OPEN or judgement.leaning is None:
        return ""
    return "leans to holding" if judgement.leaning == Verdict.HOLDS else "leans to failing"
