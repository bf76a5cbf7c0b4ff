"""The networks of a run, and the batches in which they are evaluated."""

from ..config import schema
from ..config.run_settings import RunSettings
from ..tasks.group import Tasks, columns_of


def networks_of_run(
    settings: RunSettings, tasks: list[schema.Task]
) -> dict[str, tuple[Tasks, list[int]]]:
    """List a run's networks: one for all tasks, or one per task where the method is `separate`.

    Returns:
        Prefix of the network's parameters in the model file -> its tasks, the columns of targets.
    """
    columns = columns_of(tasks)
    if settings["method"]["separate"]:
        return {f"{t.name}.": (Tasks([t]), c) for t, c in zip(tasks, columns, strict=True)}
    return {"": (Tasks(tasks), [column for of_task in columns for column in of_task])}


def evaluation_batch(settings: RunSettings, tasks: list[schema.Task]) -> int:
    """Return the samples per batch where nothing is trained.

    Four times the training's, whose losses are the same. For dense tasks it is the training's own,
    as MTAN's metrics are means per batch of that size.
    """
    return settings["training"]["batch_size"] * (1 if Tasks(tasks).dense else 4)
