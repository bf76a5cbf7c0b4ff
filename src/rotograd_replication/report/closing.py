"""The last lines of a call of the workflow: what it made, how long it took, what to try next."""

from collections.abc import Iterator
from pathlib import Path

from ..claims import verdict_file
from ..results.status import duration

QUICK = "`snakemake --config study=lite` trains on real MNIST and CIFAR-10;"
OWN = "docs/extend.md shows how to try a study of your own, docs/verdicts.md how to read verdicts."


def success(study: str, made: set[str], verdicts: str, report: str, seconds: float) -> list[str]:
    """Write the lines for a call of which every job succeeded.

    Args:
        study: The study's name.
        made: All files that the call was about, whether it had to make them or not.
        verdicts: The path of the study's verdicts; shown if they are among the files.
        report: The path of its report; named if it is among the files.
        seconds: How long the call took.
    """
    lines = [f"Every job of this call is done (study {study}, {duration(seconds)})."]
    if verdicts in made:
        lines += ["The paper's claims, judged on its results:", *_verdicts(Path(verdicts))]
    if report in made:
        lines += [f"Report: {report}, which opens in any browser."]
    return [*lines, f"Try next: {QUICK} {OWN}" if study == "quick" else f"Try next: {OWN}"]


def failure(study: str, seconds: float) -> list[str]:
    """Write the lines for a call of which a job failed; its error and its log are shown above."""
    return [
        f"A job failed, see above (study {study}, {duration(seconds)}).",
        "All that is finished is kept. Mend what failed and give the same command again: it makes",
        f"what is missing, and trainings resume. `make status STUDY={study}` shows every run.",
    ]


def _verdicts(path: Path) -> Iterator[str]:
    """Yield each verdict once, with the claims that have it."""
    claims = verdict_file.read(path).claims
    for verdict in dict.fromkeys(claim.verdict for claim in claims):
        names = [f"{c.number} {c.id}" for c in claims if c.verdict == verdict]
        yield f"  {verdict:<16} {', '.join(names)}"
