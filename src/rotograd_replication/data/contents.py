"""What an archive holds, whatever it is wrapped in: per folder, how many files of which bytes.

A zip that its host makes anew for every download has another sha256 and the same files. So an
archive without a published hash is known by the files that `prepare` reads of it.

A dataset's plug-in may define `contents(path, name, **parameters)`: it gives those files, by the
name that `prepare` knows them by, each read as `prepare` reads it, and raises ValueError where
`prepare` would. Without it, every file of the archive counts.
"""

import hashlib
from pathlib import Path
from typing import Any

from .. import plugins
from ..config import schema, settings
from . import web_page
from .datasets import _archives

# Folder -> how many `files`, how many `bytes`, and one `sha256`: that of the lines which the
# program `sha256sum` prints for the folder's files, sorted by name.
Contents = dict[str, dict[str, Any]]


def read(path: Path, name: str, dataset: schema.Dataset) -> Contents:
    """Read a whole archive.

    Args:
        path: The archive.
        name: Its name in the configuration.
        dataset: Its dataset.

    Raises:
        ValueError: it is a web page, damaged, unsafe or not what `prepare` reads.
    """
    web_page.refuse(path, name)
    plugin = plugins.load("datasets", dataset.module)
    if hasattr(plugin, "contents"):
        files = plugin.contents(path, name, **settings.values(dataset.parameters))
    else:
        files = _archives.files(path, name)
    folders: dict[str, dict[str, tuple[int, str]]] = {}
    for place, chunks in files:
        size, sha256 = 0, hashlib.sha256()
        for chunk in chunks:
            size += len(chunk)
            sha256.update(chunk)
        folder, _, file = place.rpartition("/")
        folders.setdefault(folder or ".", {})[file] = size, sha256.hexdigest()
    if not folders:
        raise ValueError(f"`{name}` must hold files. Found none.")
    return {folder: _summary(found) for folder, found in sorted(folders.items())}


def _summary(files: dict[str, tuple[int, str]]) -> dict[str, Any]:
    lines = "".join(f"{sha256}  {file}\n" for file, (_, sha256) in sorted(files.items()))
    return {
        "files": len(files),
        "bytes": sum(size for size, _ in files.values()),
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
    }


def digest(contents: Contents) -> str:
    """Compute one sha256 of all that an archive holds, in hexadecimal."""
    lines = "".join(f"{folder['sha256']}  {name}\n" for name, folder in sorted(contents.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def differences(recorded: Contents, found: Contents) -> str:
    """Name the first folder that differs and say how, and how many more do; empty if none."""
    names = sorted(recorded.keys() | found.keys())
    names = [name for name in names if recorded.get(name) != found.get(name)]
    if not names:
        return ""
    counts = (
        f"{side[names[0]]['files']} files of {side[names[0]]['bytes']} bytes"
        if names[0] in side
        else "none"
        for side in (found, recorded)
    )
    more = f", and {len(names) - 1} more folders that differ" if len(names) > 1 else ""
    return "other files in `{}`: {}, recorded {}{}".format(names[0], *counts, more)
