"""Which runs of a study are to be trained: those that are missing, or made under other settings.

A finished run says in its record, `metrics.json`, what it was made under. Git holds the records, so
a fresh clone plans what the folder plans in which the runs were made, whatever Snakemake remembers.
What tuning chose is kept and compared the same way.

Runs made by other training code alone are stale: they stay, and captions say so, until that code is
declared equal (`configs/equivalent_code.yaml`) or they are trained again.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config import schema, settings, tuning
from ..config.choice import Choice
from ..config.choice import read as read_choice
from ..config.equal_code import TrainingCode
from ..files import atomic, sealed
from ..results import run_records
from ..results.run_records import RunRecord

MISSING = "it is missing"
OTHER = "its configuration was another"
# Experiment, method and seed, or no seed for tuning.
Run = tuple[str, str, int | None]


@dataclass
class Plan:
    """What is to be trained.

    Attributes:
        due: Run -> why it is to be trained.
        stale: Those that other training code made, and that stay.
    """

    due: dict[Run, str] = field(default_factory=dict)
    stale: list[Run] = field(default_factory=list)

    def lines(self, verb: str, remedy: str) -> Iterator[str]:
        """Say which finished runs are due and why, and which are stale.

        Args:
            verb: What is done with those that are due.
            remedy: The command that trains stale runs again.
        """
        again: dict[str, list[Run]] = {}
        for run, reason in self.due.items():
            if reason != MISSING:
                again.setdefault(reason, []).append(run)
        for reason, runs in again.items():
            yield f"{verb}: {_named(runs)}: {reason}."
        if self.stale:
            yield (
                f"Stale: {_named(self.stale)}: made by other training code. They stay, and "
                "captions say so. If the present code trains the same models, say so in "
                "configs/equivalent_code.yaml (docs/reliability.md). To train them again: "
                f"{remedy}."
            )


def _named(runs: Iterable[Run]) -> str:
    """Name runs by experiment and method, with their seeds."""
    found: dict[str, list[str]] = {}
    for experiment, method, seed in runs:
        found.setdefault(f"{experiment}/{method}", []).append(
            "tuning" if seed is None else str(seed)
        )
    seeds = {name: " ".join(numbers) for name, numbers in found.items()}
    if len(seeds) > 6:
        experiments = dict.fromkeys(name.split("/")[0] for name in seeds)
        return f"{sum(map(len, found.values()))} runs of {', '.join(experiments)}"
    return ", ".join(f"{name} ({said})" for name, said in seeds.items())


def plan(
    study: schema.Study,
    name: str,
    record: str,
    history: str,
    choice: str,
    code: TrainingCode,
    retrain: bool = False,
) -> Plan:
    """Compare what is asked for of every run and choice with its record.

    Args:
        study: The configuration.
        name: The study's name.
        record: Where records of runs are: a pattern with {experiment}, {method} and {seed}.
        history: Where their histories are, likewise.
        choice: Where what tuning chose is: a pattern with {experiment} and {method}.
        code: The present training code.
        retrain: Train stale runs again.
    """
    found = Plan()

    def compare(
        run: Run, read: Callable[[Path], RunRecord | Choice], path: Path, asked: dict[str, Any]
    ) -> RunRecord | Choice | None:
        """Enter a run as due or stale, or neither; returns what it has made unless it is due."""
        try:
            made = read(path)
        except FileNotFoundError:
            found.due[run] = MISSING
        except ValueError:
            found.due[run] = "its record is damaged"
        else:
            if reason := _difference(made, asked):
                found.due[run] = reason
            elif not code.trained(made.code, run[1]):
                if retrain:
                    found.due[run] = "other training code made it"
                else:
                    found.stale.append(run)
        return None if run in found.due else made

    for label, experiment in study.experiments.items():
        archives = _archives(study.datasets[experiment.dataset])
        for method in experiment.methods:
            asked: dict[str, Any] = {"study": name, "experiment": label, "method": method}
            if experiment.grid(method):
                path = Path(choice.format(experiment=label, method=method))
                digest = {"configuration": tuning.digest(study, label, method)}
                compare((label, method, None), read_choice, path, asked | digest)
            asked["configuration"] = settings.run_digest(study, label, method)
            asked["settings"] = settings.run_settings(study, label, method)
            for seed in range(experiment.seeds.value):
                place = {"experiment": label, "method": method, "seed": seed}
                path = Path(record.format(**place))
                run, more = (label, method, seed), {"seed": seed, "archives": archives}
                made = compare(run, run_records.read, path, asked | more)
                if not Path(history.format(**place)).exists():
                    found.due.setdefault(run, "its history is missing")
                elif isinstance(made, RunRecord) and _begun_again(path, made):
                    found.due[run] = "it was trained again and not measured"
    return found


def _begun_again(path: Path, made: RunRecord) -> bool:
    """Whether a later training has replaced the history next to a run's record, and no more."""
    try:
        later = atomic.read_json(path.with_name("run.json"))
    except (FileNotFoundError, ValueError):  # in a fresh clone there is none
        return False
    return isinstance(later, dict) and later.get("model") != made.model


def _archives(dataset: schema.Dataset) -> dict[str, set[str]]:
    """List the sha256 that each archive may have, where it is published."""
    return {a.name: {a.sha256, *a.copies} for a in dataset.archives if a.sha256}


def _difference(made: RunRecord | Choice, asked: dict[str, Any]) -> str:
    """Say how a record differs from what is asked for; nothing where it does not."""
    for key in ("study", "experiment", "method", "seed"):
        if key in asked and (found := getattr(made, key)) != asked[key]:
            return f"its record is of {key} {found}"
    same = made.configuration == asked["configuration"]
    if isinstance(made, Choice):
        return "" if same else OTHER
    if not same:
        return _changed(made, asked["settings"])
    for name, accepted in asked["archives"].items():
        if made.data.archives.get(name) not in {None, *accepted}:
            return f"archive {name} was another"
    return ""


def _changed(made: RunRecord, now: dict[str, Any]) -> str:
    """Name the settings that differ, but for those that tuning chose."""
    before, after = dict(_flat(made.settings)), dict(_flat(now))
    tuned = tuple(
        "method.rotation" if name.startswith("rotation.") else f"method.parameters.{name}"
        for name in made.tuned
    )
    # A key that the record lacks came later: the run was made at its default.
    names = [k for k, value in before.items() if value != after.get(k) and not k.startswith(tuned)]
    if not (made.settings and names):
        return OTHER
    said = [f"{n} is {after.get(n, 'left out')}, was {before[n]}" for n in names[:3]]
    return ", ".join(said) + f" and {len(names) - 3} more" * (len(names) > 3)


def _flat(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as dotted keys with plain values."""
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from _flat(value, f"{path}.{key}" if path else key)
    else:
        yield path, content


def is_trained(
    record: Path, identity: dict[str, Any], others: Iterable[Path], splits: dict[str, Path]
) -> bool:
    """Whether a run is trained as asked for, and its job was stopped before it was evaluated.

    Args:
        record: The `run.json` that training writes last.
        identity: What it must say.
        others: The run's other files.
        splits: Split -> the prepared file that it must have been trained on.
    """
    # No model: metrics are to come, and a key that `RunRecord` passes over counts.
    try:
        found = atomic.read_json(record)
    except (FileNotFoundError, ValueError):
        return False
    if not isinstance(found, dict) or not all(path.exists() for path in others):
        return False
    if any(key not in found or found[key] != value for key, value in identity.items()):
        return False
    prepared = found.get("data", {}).get("prepared", {})
    remedy = "Delete it and prepare the dataset again."
    return all(prepared.get(s) == sealed.check(path, remedy) for s, path in splits.items())
