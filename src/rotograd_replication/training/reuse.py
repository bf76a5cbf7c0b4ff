"""Take a run of one experiment as a run of another that has the same settings, data and seed.

The files are the same but for the record's experiment and method; `trained_as` says whose it was.
"""

import shutil
from pathlib import Path

from ..files.atomic import atomic, read_json, write_json


def run(
    experiment: str, method: str, sources: tuple[Path, Path, Path], outputs: tuple[Path, Path, Path]
) -> None:
    """Copy a trained run's model, history and record, the record last.

    Args:
        experiment: The other experiment.
        method: The name of the run's method there.
        sources: Model, history and record of the run.
        outputs: The copies' paths, in the same order.
    """
    *files, record = sources
    for source, out in zip(files, outputs, strict=False):
        with atomic(out) as temporary:
            shutil.copyfile(source, temporary)
    content = read_json(record)
    origin = f"{content['experiment']}/{content['method']}"
    changed = {"experiment": experiment, "method": method, "trained_as": origin}
    write_json(outputs[-1], content | changed)
