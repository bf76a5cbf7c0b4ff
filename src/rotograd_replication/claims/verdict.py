"""What the results say of the paper: a verdict per claim, and every reported number beside ours.

`results/<study>/verdicts.json` is one mapping. Keys are always present; `null` says that there is
none. Numbers are floats, never NaN.

    study        the study's name
    title        its title
    reference    the study that is configured as published (`paper`)
    statistics   {confidence: 0.95, tolerance, resamples, power: 0.8}: of the intervals, of what a
                 cell needs to count, and of `more_seeds`
    claims       a list, in the order of `configs/paper/claims.yaml`; each claim:
      id, number       a short name (`stability`), and 1 to 8
      sentence, source what the paper claims, in our words, and where
      verdict          one of WORDS
      reason           one sentence: why
      counts           verdict -> how many of its tests have it (each of WORDS)
      leaning          where the observed means point, decided or not: holds, does not hold, or null
      more_seeds       how many more seeds would decide, if differences stay as observed; 0 where
                       decided, null where no number in reach would or where it is unknown
      tests            a list; each test:
        id, hypothesis   a short name unique in the file, and a sentence that can be false
        kind             `comparison`, or `computation` (claim 8: checked by arithmetic, no results)
        experiment       name of the experiment; null for a computation
        quantity         {name, label, direction: higher | lower, unit}; null for a computation
        relation         the words between method and against, e.g. "is better than"
        share            the relation must hold in more than this share of the seeds; null where it
                         must hold for their mean
        minimum_n        fewer common seeds never confirm or refute
        n                the smallest n of its comparisons; 0 where none was run
        verdict, reason, leaning, more_seeds   as above
        printed          holds or does not hold: do the paper's own numbers meet it? null where
                         it prints too few of them
        standin          whether the data are generated stand-ins
        as_published     whether every run compared is configured as in the reference study
        data             the data's label, e.g. "CIFAR-10, JPEG copy"; null where not run
        comparisons      a list, empty where not run; each comparison:
          method, label            name and label of the method
          against, against_label   the other method's; against is null where it is compared with a
                                   number, and against_label then says which ("0", "the optimum")
          task                     the task where each is compared on its own; else null
          n                        seeds that both have
          left_out                 values that are missing: diverged, Δ undefined, or no run
          difference               mean over seeds of method - against, in the quantity's unit
                                   (in percent, or of spreads, where `scale` says so)
          low, high                its paired interval (Student's t); null below two seeds
          scale                    "absolute", "percent of against", or
                                   "absolute deviation from the median"
          p, p_adjusted            two-sided, of the mean or of the share; and after Holm over all
                                   comparisons of the claim; null below two seeds
          met                      seeds that meet the relation, each taken alone
          share_low, share_high    the interval of their share (Clopper and Pearson); null without
                                   seeds
          improvement              probability that a run of `method` beats one of `against`
          margin                   what the difference is compared with
          verdict, leaning, more_seeds   as above; holds, does not hold or inconclusive
    cells        a list: every number of the paper's tables, ours, theirs, or both; each cell:
      table          the paper's table, e.g. "1"; null where the paper has no such row
      experiment     name of the experiment in `configs/experiments/`
      method, label  the method's name and its label as in `paper_tables/` (of the reference study
                     where the study at hand lacks it)
      metric         its name in `configs/paper/reported.csv`
      label_metric   in words
      n              seeds; 0 where not run
      value          the median over seeds; null where not run
      low, high      its bootstrap interval; null below two seeds
      std            standard deviation over seeds; null below two seeds
      coverage       what the interval can cover at most with so few seeds (2 seeds: 0.5; 5: 0.9375)
      reported, reported_std, reported_n, reported_source, reported_note   the paper's; or null
      standin, as_published   as above
      agreement      one of AGREEMENTS; null where one of the two numbers is missing
      reason         where agreement is `not compared` or `too few seeds`; else null
    counts       paper's table -> agreement -> number of cells (each of AGREEMENTS, and "missing")
"""

import logging
from pathlib import Path
from typing import Any

from ..config import load as config
from ..config import schema
from ..files import atomic as records
from ..results.quantities import Paper, read_paper
from ..results.tidy import Results
from . import comparison, outcome
from . import reported as agreement
from .comparison import FAILS, HOLDS, OPEN
from .outcome import NOT_RUN, STANDIN, UNKNOWN
from .schema import Claim, Claims

log = logging.getLogger(__name__)

# Each verdict, and what so many tests do.
WORDS = {
    HOLDS: "hold",
    FAILS: "do not hold",
    OPEN: "are inconclusive",
    NOT_RUN: "are not run",
    STANDIN: "are on stand-in data",
}


def run(
    study: schema.Study,
    study_name: str,
    claims: Claims,
    reference: schema.Study,
    results: list[Results],
    reported: Path,
    out: Path,
) -> None:
    """Judge every claim on the results at hand, and set every reported number beside ours.

    Args:
        study: the configuration that the results were made under.
        study_name: its name.
        claims: what is judged.
        reference: the study that is configured as published.
        results: of some or all of the study's experiments.
        reported: the paper's numbers.
        out: written: the mapping described above.
    """
    evidence = outcome.Evidence(study, claims, reference, {found.name: found for found in results})
    cells = _cells(evidence, read_paper(claims.quantities, claims.printed, reported))
    numbers = {(c["experiment"], c["method"], c["metric"]): c["reported"] for c in cells}
    found = [_claim(claim, evidence, numbers) for claim in claims.claims]
    settings = config.values(claims.statistics)
    content = {"study": study_name, "title": study.title, "reference": claims.reference}
    content |= {"statistics": settings, "claims": found, "cells": cells}
    records.write_json(out, content | {"counts": agreement.counts(cells)})
    for claim in found:
        log.info("%d %-12s %-15s %s", *(claim[k] for k in ("number", "id", "verdict", "reason")))


def _claim(
    claim: Claim, evidence: outcome.Evidence, numbers: dict[tuple[str, str, str], float]
) -> dict[str, Any]:
    tests = [
        record | {"printed": outcome.printed(test, evidence.claims, numbers)}
        for test, record in zip(claim.tests, outcome.records(claim.tests, evidence), strict=True)
    ]
    verdicts = [test["verdict"] for test in tests]
    counts = {verdict: verdicts.count(verdict) for verdict in WORDS}
    whole = _together(tests)
    said = ", ".join(f"{n} {WORDS[name]}" for name, n in counts.items() if n)
    reason = f"Of {len(tests)} tests {said}."
    if whole["verdict"] in (HOLDS, FAILS, OPEN) and not all(t["as_published"] for t in tests):
        reason += " Not configured as published: says nothing of the published budget."
    return {
        **{key: getattr(claim, key) for key in ("id", "number", "sentence", "source")},
        **whole,
        "reason": reason,
        "counts": counts,
        "tests": tests,
    }


def _together(tests: list[dict[str, Any]]) -> dict[str, Any]:
    """One refuted test refutes a claim; it holds where all its tests do."""
    judged = [test for test in tests if test["verdict"] in (HOLDS, FAILS, OPEN)]
    silent = {test["verdict"] for test in tests} & {NOT_RUN, STANDIN}
    if judged:
        whole = comparison.together(judged, first=FAILS)
        if not silent or whole["verdict"] == FAILS:
            return whole
        early = whole["leaning"] == FAILS
        return UNKNOWN | {"verdict": OPEN} | (whole if early else {})
    return UNKNOWN | {"verdict": STANDIN if STANDIN in silent else NOT_RUN}


def _cells(evidence: outcome.Evidence, paper: Paper) -> list[dict[str, Any]]:
    claims, results = evidence.claims, evidence.results
    parts = (claims, evidence.study, evidence.reference, results, paper)
    found = []
    for cell in agreement.cells(*parts):
        standin = evidence.standin(cell["experiment"])
        of = claims.quantities[cell["metric"]].of
        agrees, reason = agreement.judge(cell, standin, of, claims.statistics)
        published = evidence.as_published(cell["experiment"], [cell["method"]])
        cell |= {"standin": standin, "as_published": published}
        found.append(cell | {"agreement": agrees, "reason": reason})
    return found
