"""Take a run of one experiment as a run of another that has the same settings, data and seed.

The files are the same but for the record's experiment and method; `trained_as` says whose it was.
"""

import shutil
from pathlib import Path

from ..files.atomic import atomic, read_json, write_json


def run(
    experiment: str, method: str, source: tuple[Path, Path], outputs: tuple[Path, Path]
) -> None:
    """Copy a finished run's record and history, the record last.

    Args:
        experiment: The other experiment.
        method: The name of the run's method there.
        source: `metrics.json` and `history.csv` of the run.
        outputs: The copies' paths, in the same order.
    """
    (metrics, history), (metrics_out, history_out) = source, outputs
    with atomic(history_out) as temporary:
        shutil.copyfile(history, temporary)
    # No model: the copy has every key, also one that `RunRecord` passes over.
    content = read_json(metrics)
    origin = f"{content['experiment']}/{content['method']}"
    changed = {"experiment": experiment, "method": method, "trained_as": origin}
    write_json(metrics_out, content | changed)
