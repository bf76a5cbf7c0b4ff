"""Which runs may be in one table: of one configuration, of the same data, budget and tuning."""

from collections.abc import Sequence

from ..config import schema, settings
from ..config.choice import Choice
from .run_records import RecordError, RunRecord


def check_configuration(
    runs: Sequence[RunRecord], study: schema.Study, experiment: str, remedy: str
) -> None:
    """Refuse runs of methods or settings that the study does not have now, and repetitions.

    Raises:
        RecordError: Names the run.
    """
    legal = study.experiments[experiment].methods
    digests = {method: settings.run_digest(study, experiment, method) for method in legal}
    seen: set[tuple[str, int]] = set()
    for run in runs:
        if run.method not in legal:
            raise RecordError(
                f"{run.label}: `{run.method}` is not a method of this experiment. "
                f"Legal: {', '.join(legal)}. Add it to the experiment, or leave the run out."
            )
        if run.configuration != digests[run.method]:
            raise RecordError(
                f"{run.label} was made under another configuration. Found "
                f"{run.configuration}, the present one is {digests[run.method]}. {remedy}"
            )
        if (run.method, run.seed) in seen:
            raise RecordError(f"{run.label} must be given once. Found it twice.")
        seen.add((run.method, run.seed))


def check_data(runs: Sequence[RunRecord], remedy: str, same: dict[str, str]) -> None:
    """Refuse runs of other bytes or budgets: their metrics cannot be compared.

    Args:
        runs: Their records.
        remedy: What to do about one that is refused; a sentence.
        same: The sha256 of a prepared file -> of one that holds the same tensors.

    Raises:
        RecordError: Names the run.
    """
    first = runs[0]
    prepared: dict[str, str] | None = None
    for run in runs:
        if run.epochs != first.epochs:
            raise RecordError(
                f"{run.label} must be trained as long as {first.label}. "
                f"Found {run.epochs} epochs instead of {first.epochs}. {remedy}"
            )
        own = run.data.prepared
        own = own and {split: same.get(sha256, sha256) for split, sha256 in own.items()}
        prepared = prepared or own
        if own and own != prepared:
            raise RecordError(
                f"{run.label} must be trained and tested on the prepared files of the others. "
                f"Found {own} instead of {prepared}. Remove the folders of the runs whose data "
                "were prepared by earlier code, and give the command again."
            )
        for key in ("archives", "samples", "label"):
            found, expected = getattr(run.data, key), getattr(first.data, key)
            if found != expected:
                raise RecordError(
                    f"{run.label} must be trained on the data of {first.label}. "
                    f"Found other {key}: {found} instead of {expected}. {remedy}"
                )


def check_tuning(runs: Sequence[RunRecord], choices: Sequence[Choice], remedy: str) -> None:
    """Refuse runs that were not trained with what tuning chose for their method.

    Raises:
        RecordError: Names the run.
    """
    tuned = {choice.method: choice.said for choice in choices}
    for run in runs:
        expected = tuned.get(run.method, {})
        if run.tuned != expected:
            raise RecordError(
                f"{run.label} must be trained with what tuning chose: {expected or 'nothing'}. "
                f"Found {run.tuned or 'nothing'}. {remedy}"
            )
