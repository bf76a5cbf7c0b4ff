"""Files appear whole or not at all, and content is known by its digest."""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from . import damage, safety

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path` that replaces it only if the block succeeds.

    Raises:
        OSError: It cannot be written.
    """
    path = Path(path)
    with room(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.stem}.{secrets.token_hex(6)}{path.suffix}")
        # Who may read and write it is the user's umask to say, or the folder's.
        temporary.touch(exist_ok=False)
        mode = stat.S_IMODE(temporary.stat().st_mode)
        try:
            yield temporary
            _share(temporary, mode)
            _flush(temporary)
            _move(temporary, path)
            # Some systems refuse to open a folder.
            _flush(path.parent, but={errno.EACCES})
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def room(path: Path) -> Iterator[None]:
    """Say what to do about a disk that is full while the block writes `path`.

    Raises:
        OSError: There is no room left; names the path and the remedy.
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


def _share(path: Path, mode: int) -> None:
    """Give a file its first mode, which a writer may have lost by writing a file of its own."""
    if stat.S_IMODE(path.stat().st_mode) != mode:
        risk = "Other users of the folder may not be able to replace its files."
        with safety.where_possible("chmod", risk, path):
            path.chmod(mode)


def _flush(path: Path, but: set[int] | None = None) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the disk itself."""
    risk = "A loss of power may lose what was written last."
    kind = "fsync of a folder" if path.is_dir() else "fsync"
    with safety.where_possible(kind, risk, path, but):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _move(temporary: Path, path: Path) -> None:
    """Give a file its name, in place of the one that has it."""
    risk = "Files are copied into place: a kill while that happens leaves a part of one."
    with safety.where_possible("rename over a file", risk, path):
        os.replace(temporary, path)
        return
    try:
        shutil.copyfile(temporary, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON with sorted keys, atomically."""
    with atomic(path) as temporary:
        text = json.dumps(content, indent=1, sort_keys=True, allow_nan=True)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(
    path: Path,
    remedy: str = "Delete it and rerun its target.",
    refusal: type[ValueError] = ValueError,
) -> Any:
    """Read a JSON file.

    Raises:
        ValueError: `refusal`: the file is not JSON; names the file and the remedy.
    """
    raw = Path(path).read_bytes()
    with damage.reading(path, "JSON", remedy, refusal):
        return json.loads(raw.decode())


def digest(content: Any) -> str:
    """Digest JSON-like `content` to 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def sha256(path: Path) -> str:
    """Compute the sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
