"""The verdict strip: the paper's claims, one after the other, and the tests behind each."""

from typing import Any

from ._material import Material

TITLE = "Did the paper hold up?"
# Verdict -> its sign, its style, and what it means; in words in the page, never by colour alone.
SIGNS = {
    "holds": ("✓", "good", "every test of the claim holds"),
    "does not hold": ("✕", "bad", "a test of the claim fails beyond its interval"),
    "inconclusive": ("?", "open", "too few seeds, or an interval on both sides of the margin"),
    "not run": ("–", "none", "no results to test it on"),
    "stand-in data": ("≈", "standin", "generated data can neither confirm nor refute"),
}


def build(material: Material) -> dict[str, Any]:
    """The claims with their signs; none where no verdicts are made yet."""
    verdicts = material.verdicts or {}
    claims = verdicts.get("claims", [])
    counts = {v: sum(claim["verdict"] == v for claim in claims) for v in SIGNS}
    return {
        "claims": claims,
        "signs": SIGNS,
        "counts": {verdict: n for verdict, n in counts.items() if n},
        "statistics": verdicts.get("statistics"),
        "reference": verdicts.get("reference"),
        "lean": _lean,
    }


def _lean(entry: dict[str, Any]) -> str:
    """Where the means of what is not decided point; empty for all else."""
    if entry["verdict"] != "inconclusive" or entry["leaning"] is None:
        return ""
    return "leans to holding" if entry["leaning"] == "holds" else "leans to failing"
