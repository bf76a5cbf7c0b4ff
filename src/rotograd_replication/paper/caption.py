"""What every table and figure says of its numbers: study, data, n, what is missing, hardware.

No number leaves this project without them. Each sentence is derived from the runs: which are
there, which diverged, which were not run, by which code they were trained.
"""

from collections.abc import Iterable, Iterator, Mapping

from ..config import schema
from ..config.equal_code import TrainingCode
from ..methods.rotations import ALIKE
from ..results.relative_improvement import BASELINE
from ..results.tidy import Results
from . import tuned, versions, words

STANDIN = "STAND-IN DATA: these numbers say nothing about the paper."
STALE = "Stale: runs of {} were made by older training code."
CHANGED = "Some runs of {} were made with uncommitted changes; records hold their code's digest."
METRICS = {"mse": "MSE", "f1": "F1"}
REPORTED = "Reported: NeurIPS 2021 submission, not the camera-ready."


def caption(
    study_name: str,
    study: schema.Study,
    experiments: Iterable[str],
    results: list[Results],
    code: TrainingCode | None = None,
    locked: Mapping[str, str] | None = None,
) -> str:
    """Say of some numbers what must be known to read them.

    Args:
        study_name: Its name.
        study: The configuration: the methods' labels, and which runs it asks for.
        experiments: Those that the table or figure is of.
        results: Those of them that have runs.
        code: The present training code; None if runs of other code need no mark.
        locked: Package -> its locked version; None if other versions need no mark.
    """
    loud = any("stand-in" in r.provenance["data"]["label"].lower() for r in results)
    facts = "; ".join(dict.fromkeys(_facts(r) for r in results))
    old = [
        result.name
        for result in results
        if code and not all(code.trained(d, m) for m, seen in result.code.items() for d in seen)
    ]
    changed = [r.name for r in results if _changed(r)]
    return " ".join(
        [
            *([STANDIN] if loud else []),
            f"Study: {study_name}. {facts}.",
            *(text for r in results for text in _parametrisations(study, r)),
            *(text for r in results for text in tuned.sentences(study, r)),
            *versions.sentences(results, locked or {}),
            *_not_run(study, experiments, results),
            *(_diverged(study, r) for r in results if r.diverged),
            *([STALE.format(", ".join(old))] if old else []),
            *([CHANGED.format(", ".join(changed))] if changed else []),
        ]
    )


def _changed(results: Results) -> bool:
    """Whether a run's revision is not all of its code."""
    return any(revision.endswith("+changes") for revision in results.provenance["git_revisions"])


def _not_run(
    study: schema.Study, experiments: Iterable[str], results: list[Results]
) -> Iterator[str]:
    """Say which of the runs that the study asks for are not there, an experiment a sentence."""
    by_name = {r.name: r for r in results}
    for name in experiments:
        if name not in by_name:
            yield f"Not run: {name}."
            continue
        experiment, run = study.experiments[name], by_name[name].seeds
        seeds = range(experiment.seeds.value)
        lacking = []
        for method, entry in experiment.methods.items():
            missing = [seed for seed in seeds if seed not in run.get(method, ())]
            if missing:
                those = words.seeds(missing) if len(missing) < len(seeds) else "every seed"
                lacking.append((those, entry.label))
        if lacking:
            yield f"Not run, {name}: {words.grouped(lacking)}."


def undefined(results: Iterable[Results], convention: str = "") -> Iterator[str]:
    """Say which relative improvements are undefined although the run has its metrics, and why."""
    results = list(results)
    for found in results:
        start = f"{found.name}: " if len(results) > 1 else ""
        tests = found.tests_by(convention)
        single = tests[tests["method"] == BASELINE]
        blank = tests[tests["delta"].isna() & tests["value"].notna()]
        seeds = set(blank["seed"])
        trained, diverged = set(single["seed"]), set(found.diverged.get(BASELINE, []))
        reasons = {
            "there is no single-task run": seeds - trained,
            "the single-task run diverged": seeds & diverged,
        }
        for reason, lost in reasons.items():
            if lost:
                of = f" for {words.seeds(lost)}" if trained else ""
                yield f"{start}Δ is undefined{of}: {reason}."
        zero = single[single["value"] == 0]
        keys = ["seed", "task", "metric"]
        divided = blank.merge(zero[keys], on=keys)
        for metric, rows in divided.groupby("metric", sort=False):
            tasks = ", ".join(rows["task"].unique())
            name, seeds = METRICS.get(str(metric), str(metric)), set(rows["seed"])
            yield (
                f"{start}Δ is undefined for {words.seeds(seeds)}: the single-task {name} is 0 "
                f"({tasks}); statistics over tasks leave {'it' if len(seeds) == 1 else 'them'} out."
            )


def unrecorded(study: schema.Study, results: Iterable[Results], convention: str) -> Iterator[str]:
    """Say which runs have no metric in a convention, though they did not diverge: of older code."""
    for found in results:
        methods = study.experiments[found.name].methods
        tests = found.tests_by(convention)
        rows = tests.loc[tests["value"].isna(), ["method", "seed"]].drop_duplicates()
        lacking = []
        for method, blank in rows.groupby("method", sort=False)["seed"]:
            if lost := set(blank) - set(found.diverged.get(str(method), [])):
                lacking.append((words.seeds(lost), methods[str(method)].label))
        if lacking:
            said = words.grouped(lacking)
            yield f"Without a number, as older code did not record it, {found.name}: {said}."


def _parametrisations(study: schema.Study, results: Results) -> Iterator[str]:
    """Which methods' rotations are not the paper's map, and how far theirs have turned."""
    methods = study.experiments[results.name].methods
    for name in results.methods:
        chosen = methods[name].parameters.get("parametrisation")
        if chosen is None or chosen.value == "exponential":
            continue
        angle = results.angles_of(name).max()
        unlike = chosen.value == "dynamic" and angle > ALIKE
        beyond = f", beyond the {ALIKE:g} up to which they train alike" if unlike else ""
        most = " of at most π" if chosen.value == "dynamic" else ""
        turned = f"; turned by up to {angle:.1f} rad{most}{beyond}" if angle == angle else ""
        yield (
            f"{methods[name].label}: {chosen.value.replace('_', '-')} rotations, not the paper's "
            f"exponential map{turned}."
        )


def _diverged(study: schema.Study, results: Results) -> str:
    """Say which runs diverged, so that the numbers are without them."""
    methods = study.experiments[results.name].methods
    parts = (
        f"{methods[name].label} {len(seeds)} of {results.provenance['runs'][name]} "
        f"({words.seeds(seeds)})"
        for name, seeds in results.diverged.items()
    )
    return f"Diverged and left out, {results.name}: {'; '.join(parts)}."


def _facts(results: Results) -> str:
    facts = results.provenance
    counts = sorted(set(facts["runs"].values()))
    n = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    epochs = " or ".join(str(e) for e in facts["epochs"])
    samples = facts["data"]["samples"]["train"]
    parts = [
        f"{facts['data']['label']}: n = {n} seed{'s' * (n != '1')}",
        f"{epochs} epoch{'s' * (epochs != '1')}",
        f"{samples:,} training sample{'s' * (samples != 1)}",
        " and ".join(facts["devices"]),
    ]
    precision = facts.get("precision", "float32")
    parts += [f"backbone in {precision}"] if precision != "float32" else []
    parts += ["network compiled"] if facts.get("compiled") else []
    return ", ".join(parts)
