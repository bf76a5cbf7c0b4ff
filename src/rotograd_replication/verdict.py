"""What the results say of the paper: a verdict per claim, and every reported number beside ours.

`results/<study>/verdicts.json` is one mapping. Keys are always present; `null` says that there is
none. Numbers are floats, never NaN.

    study        the study's name
    title        its title
    reference    the study that is configured as published (`paper`)
    statistics   {confidence: 0.95, resamples, power: 0.8}: of the intervals and of `more_seeds`
    claims       a list, in the order of `configs/paper/claims.yaml`; each claim:
      id, number       a short name (`stability`), and 1 to 8
      sentence, source what the paper claims, in our words, and where
      verdict          one of VERDICTS
      reason           one sentence: why
      counts           verdict -> how many of its tests have it (each of VERDICTS)
      leaning          where the observed means point, decided or not: holds, does not hold, or null
      more_seeds       how many more seeds would decide, if differences stay as observed; 0 where
                       decided, null where no number in reach would or where it is unknown
      tests            a list; each test:
        id, hypothesis   a short name unique in the file, and a sentence that can be false
        kind             `comparison`, or `computation` (claim 8: checked by arithmetic, no results)
        experiment       name of the experiment; null for a computation
        quantity         {name, label, direction: higher | lower, unit}; null for a computation
        relation         the words between method and against, e.g. "is better than"
        minimum_n        fewer common seeds never confirm or refute
        n                the smallest n of its comparisons; 0 where none was run
        verdict, reason, leaning, more_seeds   as above
        standin          whether the data are generated stand-ins
        as_published     whether every run compared is configured as in the reference study
        data             the data's label, e.g. "CIFAR-10, JPEG copy"; null where not run
        comparisons      a list, empty where not run; each comparison:
          method, label            name and label of the method
          against, against_label   the other method's; against is null where it is compared with a
                                   number, and against_label then says which ("0", "the optimum")
          task                     the task where each is compared on its own; else null
          n                        seeds that both have
          left_out                 runs without a finite number: diverged, or Δ undefined
          difference               mean over seeds of method - against, in the quantity's unit
                                   (in percent, or of spreads, where `scale` says so)
          low, high                its paired interval (Student's t); null below two seeds
          scale                    "absolute", "percent of against", or
                                   "absolute deviation from the median"
          p, p_adjusted            two-sided; and after Holm over the test; null below two seeds
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
      coverage       what the interval can cover at most with so few seeds (2 seeds: 0.5; 5: 0.9375)
      reported, reported_std, reported_n, reported_source, reported_note   the paper's; or null
      standin, as_published   as above
      agreement      one of AGREEMENTS; null where one of the two numbers is missing
      reason         where agreement is `not compared`, or needs a word; else null
    counts       paper's table -> agreement -> number of cells (each of AGREEMENTS, and "missing")
"""

import logging
from pathlib import Path
from typing import Any

from . import agreement, config, judge, proposition, records, schema
from .claims import Claim, Claims, Computation, Test
from .results import Results

log = logging.getLogger(__name__)

HOLDS, FAILS, OPEN = judge.HOLDS, judge.FAILS, judge.OPEN
NOT_RUN, STANDIN = "not run", "stand-in data"
VERDICTS = (HOLDS, FAILS, OPEN, NOT_RUN, STANDIN)


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
    judgement = Judgement(study, claims, reference, {found.name: found for found in results})
    found = [_claim(claim, judgement) for claim in claims.claims]
    cells = _cells(judgement, agreement.read(reported))
    settings = config.values(claims.statistics)
    content = {"study": study_name, "title": study.title, "reference": claims.reference}
    content |= {"statistics": settings, "claims": found, "cells": cells}
    records.write_json(out, content | {"counts": agreement.counts(cells)})
    for claim in found:
        log.info("%d %-12s %-15s %s", *(claim[k] for k in ("number", "id", "verdict", "reason")))


class Judgement:
    """A study, its results and the claims, with what a verdict needs to know of an experiment."""

    def __init__(
        self,
        study: schema.Study,
        claims: Claims,
        reference: schema.Study,
        results: dict[str, Results],
    ) -> None:
        self.study, self.claims, self.reference, self.results = study, claims, reference, results

    def standin(self, experiment: str) -> bool:
        """Whether its data are generated."""
        chosen = self.study.experiments.get(experiment)
        return bool(chosen and self.study.datasets[chosen.dataset].standin)

    def as_published(self, experiment: str, methods: list[str]) -> bool:
        """Whether the methods' runs are configured as in the reference study."""
        return all(
            experiment in study.experiments and method in study.experiments[experiment].methods
            for study in (self.study, self.reference)
            for method in methods
        ) and all(
            config.run_digest(self.study, experiment, method)
            == config.run_digest(self.reference, experiment, method)
            for method in methods
        )


def _claim(claim: Claim, judgement: Judgement) -> dict[str, Any]:
    tests = [
        _computation(test) if isinstance(test, Computation) else _test(test, judgement)
        for test in claim.tests
    ]
    verdicts = [test["verdict"] for test in tests]
    counts = {verdict: verdicts.count(verdict) for verdict in VERDICTS}
    whole = _together(tests)
    said = ", ".join(f"{n} {name}" for name, n in counts.items() if n)
    reason = f"Of {len(tests)} tests: {said}." if len(tests) > 1 else tests[0]["reason"]
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
        whole = judge.together(judged, first=FAILS)
        if not silent or whole["verdict"] == FAILS:
            return whole
        early = whole["leaning"] == FAILS
        return UNKNOWN | {"verdict": OPEN} | (whole if early else {})
    return UNKNOWN | {"verdict": STANDIN if STANDIN in silent else NOT_RUN}


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


def _computation(test: Computation) -> dict[str, Any]:
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


def _test(test: Test, judgement: Judgement) -> dict[str, Any]:
    claims, experiment = judgement.claims, test.experiment
    quantity = claims.quantities[test.quantity].model_dump(include={"label", "direction", "unit"})
    record = EMPTY | {
        "id": test.id,
        "hypothesis": test.hypothesis,
        "experiment": experiment,
        "quantity": {"name": test.quantity, **quantity},
        "relation": test.relation,
        "minimum_n": claims.experiments[experiment].minimum_n.value,
    }
    if experiment not in judgement.results:
        known = experiment in judgement.study.experiments
        lack = "no results of" if known else "no experiment"
        return record | {"verdict": NOT_RUN, "reason": f"The study has {lack} `{experiment}`."}
    found = judgement.results[experiment]
    try:
        judged = judge.run(test, claims, judgement.study, found)
    except KeyError as missing:
        reason = f"`{experiment}` has no runs of `{missing.args[0]}`."
        return record | {"verdict": NOT_RUN, "reason": reason}
    methods = [*test.methods, *(other for other in test.against if isinstance(other, str))]
    record |= judged | {"data": found.provenance["data"]["label"]}
    record["as_published"] = judgement.as_published(experiment, methods)
    record["reason"] = _reason(record)
    if judgement.standin(experiment):
        record |= {"standin": True, "verdict": STANDIN} | UNKNOWN
        record["reason"] = "Generated stand-ins can neither confirm nor refute."
    return record


def _reason(record: dict[str, Any]) -> str:
    """Why, in one sentence."""
    comparisons, n = record["comparisons"], record["n"]
    number = len(comparisons)
    left_out = sum(c["left_out"] for c in comparisons)
    without = f" {left_out} values of runs without a number are left out." if left_out else ""
    if n < record["minimum_n"]:
        seeds = f"{n} seed{'s' * (n != 1)}"
        met = sum(c["leaning"] == HOLDS for c in comparisons)
        so_far = f"so far {met} of {number} comparisons lean the claim's way"
        few = f"{seeds}, and fewer than {record['minimum_n']} never confirm or refute"
        return f"{few}; {so_far}.{without}"
    if record["verdict"] == OPEN:
        unclear = sum(c["verdict"] == OPEN for c in comparisons)
        more = record["more_seeds"]
        rest = f"about {more} more would decide" if more else "no number of seeds in reach decides"
        return f"{unclear} of {number} comparisons are open with {n} seeds; {rest}.{without}"
    of = [c for c in comparisons if c["verdict"] == record["verdict"]]
    first = of[0]
    what = f"{first['label']} and {first['against_label']}"
    what += f" ({first['task']})" if first["task"] else ""
    unit = "%" if first["scale"] == judge.PERCENT else record["quantity"]["unit"]
    size = f"{first['difference']:+.3g}{' ' * bool(unit)}{unit}"
    if first["low"] is not None:
        size += f" ({first['low']:+.3g} to {first['high']:+.3g})"
    runs = f"n = {n}" if n > 1 else "one run, no interval"
    return f"{len(of)} of {number} comparisons ({runs}), as {what}: {size}.{without}"


def _cells(judgement: Judgement, reported: dict) -> list[dict[str, Any]]:
    claims, results = judgement.claims, judgement.results
    parts = (claims, judgement.study, judgement.reference, results, reported)
    found = []
    for cell in agreement.cells(*parts):
        standin = judgement.standin(cell["experiment"])
        of = claims.quantities[cell["metric"]].of
        agrees, reason = agreement.judge(cell, standin, of)
        published = judgement.as_published(cell["experiment"], [cell["method"]])
        cell |= {"standin": standin, "as_published": published}
        found.append(cell | {"agreement": agrees, "reason": reason})
    return found
