"""Files appear whole or not at all, and content is known by its digest."""

import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from . import damage

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place only if the block succeeds.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(path)
    with room(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        name = {"prefix": f".{path.stem}.", "suffix": path.suffix}
        handle, place = tempfile.mkstemp(**name, dir=path.parent)
        os.close(handle)
        temporary = Path(place)
        try:
            yield temporary
            temporary.chmod(0o644)
            _flush(temporary)
            os.replace(temporary, path)
            _flush(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def room(path: Path) -> Iterator[None]:
    """Say what to do about a disk that is full while the block writes `path`.

    Raises:
        OSError: there is no room left; names the path and the remedy.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:  # the latter is of safetensors' own writer
        if isinstance(error, OSError) and error.errno not in FULL:
            raise
        raise OSError(
            f"`{path}` must have room on its disk. Found: {error}. Free some, then give the same "
            "command again: what is done is not done twice."
        ) from error


def _flush(path: Path) -> None:
    """Have a file's bytes, or a folder's entries, on the disk itself before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON with sorted keys, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True, allow_nan=True) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ValueError: the file is not JSON; names the file and the remedy.
    """
    raw = Path(path).read_bytes()
    with damage.reading(path, "JSON", "Delete it and rerun its target."):
        return json.loads(raw.decode())


def digest(content: Any) -> str:
    """16 hexadecimal digits that change when JSON-like `content` changes."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
