"""The records of finished runs, read and compared: what may stand side by side in one table."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..config import load as config
from ..config import schema
from ..config.choice import Choice
from ..files import atomic as records

RUN = ["study", "experiment", "method", "seed"]
COST = ["epochs", "best_epoch", "seconds", "peak_memory_mb", "device", "threads"]
SOURCE = ["dataset", "configuration", "code", "data", "git_revision", "versions"]
KEYS = [*RUN, *SOURCE, *COST, "metrics"]


class AggregateError(ValueError):
    """Runs that must not be put in one table; its message names the run and the remedy."""


def label(run: dict[str, Any]) -> str:
    """A run in words."""
    return f"{run['experiment']}/{run['method']}/seed {run['seed']}"


def read(path: Path, study: str, experiment: str, remedy: str) -> dict[str, Any]:
    """One run's record, with every key present."""
    try:
        run = records.read_json(path)
    except ValueError as error:
        raise AggregateError(f"{error} {remedy}") from error
    if not isinstance(run, dict):
        raise AggregateError(f"`{path}` must be a mapping. Found {type(run).__name__}. {remedy}")
    missing = [key for key in KEYS if key not in run]
    if missing:
        raise AggregateError(
            f"`{path}` must have every key of a run. Missing: {', '.join(missing)}. {remedy}"
        )
    for key, expected in (("study", study), ("experiment", experiment)):
        if run[key] != expected:
            raise AggregateError(
                f"`{path}` must be of {key} `{expected}`. Found `{run[key]}`. {remedy}"
            )
    if not isinstance(run["data"], dict) or not {"label", "archives", "samples"} <= set(
        run["data"]
    ):
        raise AggregateError(
            f"`data` of `{path}` must have label, archives and samples. "
            f"Found {run['data']!r}. {remedy}"
        )
    return run


def is_diverged(run: dict[str, Any]) -> bool:
    """Whether a run came to nothing; a record from before runs were looked at has no such key."""
    return run.get("diverged") is not None


def diverged(paths: Iterable[Path]) -> list[str]:
    """A line for each of some finished runs that diverged: which, where and how."""
    found = [records.read_json(path) for path in paths if path.is_file()]
    return [
        f"{label(run)}: {run['diverged']['what']}, epoch {run['diverged']['epoch']}"
        for run in found
        if is_diverged(run)
    ]


def check_configuration(
    runs: list[dict[str, Any]], study: schema.Study, experiment: str, remedy: str
) -> None:
    """Refuse runs of methods or settings that the study does not have now, and repetitions."""
    legal = study.experiments[experiment].methods
    digests = {m: config.run_digest(study, experiment, m) for m in legal}
    seen: set[tuple[str, int]] = set()
    for run in runs:
        if run["method"] not in legal:
            raise AggregateError(
                f"{label(run)}: `{run['method']}` is no method of this experiment. "
                f"Legal: {', '.join(legal)}. Add it to the experiment, or leave the run out."
            )
        if run["configuration"] != digests[run["method"]]:
            raise AggregateError(
                f"{label(run)} was made under another configuration. Found "
                f"{run['configuration']}, the present one is {digests[run['method']]}. {remedy}"
            )
        if (run["method"], run["seed"]) in seen:
            raise AggregateError(f"{label(run)} must be given once. Found it twice.")
        seen.add((run["method"], run["seed"]))


def check_data(runs: list[dict[str, Any]], remedy: str, same: dict[str, str]) -> None:
    """Refuse runs of different bytes or budgets: their metrics cannot be compared.

    Args:
        runs: Their records.
        remedy: What to do about one that is refused; a sentence.
        same: The sha256 of a prepared file -> of one that holds the same tensors.
    """
    first, prepared = runs[0], None
    for run in runs:
        if run["epochs"] != first["epochs"]:
            raise AggregateError(
                f"{label(run)} must be trained as long as {label(first)}. "
                f"Found {run['epochs']} epochs instead of {first['epochs']}. {remedy}"
            )
        # Runs from before prepared files had sums do not say theirs.
        found = run["data"].get("prepared")
        found = found and {split: same.get(known, known) for split, known in found.items()}
        prepared = prepared or found
        if found and found != prepared:
            raise AggregateError(
                f"{label(run)} must be trained and tested on the prepared files of the others. "
                f"Found {found} instead of {prepared}. {remedy}"
            )
        for key in ("archives", "samples", "label"):
            if run["data"][key] != first["data"][key]:
                raise AggregateError(
                    f"{label(run)} must be trained on the data of {label(first)}. Found other "
                    f"{key}: {run['data'][key]} instead of {first['data'][key]}. {remedy}"
                )


def check_tuning(runs: list[dict[str, Any]], choices: Sequence[Choice], remedy: str) -> None:
    """Refuse runs that were not trained with what tuning chose for their method."""
    chosen = {choice.method: choice.said for choice in choices}
    for run in runs:
        expected = chosen.get(run["method"], {})
        if run.get("tuned", {}) != expected:
            raise AggregateError(
                f"{label(run)} must be trained with what tuning chose: {expected or 'nothing'}. "
                f"Found {run.get('tuned') or 'nothing'}. {remedy}"
            )
