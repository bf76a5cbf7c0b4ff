"""Which packages the runs were trained with, where they are not of the locked versions."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from ..results.tidy import Results


def locked(path: Path) -> dict[str, str]:
    """Read a lock: package -> its version; empty where the sources came without their lock.

    Args:
        path: Lines of `name==version`, each followed by its hashes.
    """
    if not path.is_file():
        return {}
    lines = (line.split()[0] for line in path.read_text().splitlines() if line[:1].isalnum())
    return dict(line.split("==") for line in lines if "==" in line)


def sentences(results: Iterable[Results], locked: Mapping[str, str]) -> list[str]:
    """Name the packages of other versions, a sentence per experiment; none where all are locked.

    A build for a GPU, `2.13.0+cu130`, is of the locked version: the caption names the device.

    Args:
        results: The experiments.
        locked: Package -> its locked version.
    """
    found = []
    for result in results:
        others = [
            f"{package} {' and '.join(seen)} (locked: {locked[package]})"
            for package, seen in result.provenance.get("versions", {}).items()
            if package in locked and {v.partition("+")[0] for v in seen} != {locked[package]}
        ]
        if others:
            found.append(f"Not of the locked versions, {result.name}: {', '.join(others)}.")
    return found
