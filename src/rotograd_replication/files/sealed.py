"""A safetensors file that carries the sha256 of its own bytes: a flipped byte anywhere is found.

The sum stands in the file's header, under `sha256` of its metadata, and is that of the whole file
with 64 zeros in the sum's place. So no second file can be lost, and a copied file stays known.
"""

import hashlib
from pathlib import Path

FIELD = "sha256"
BLANK = "0" * 64
MARK = f'"{FIELD}":"'.encode()
CHUNK = 1 << 20


class SealError(ValueError):
    """A file that is not as it was written; its message names the file and the remedy."""


def blank(metadata: dict[str, str] | None = None) -> dict[str, str]:
    """Metadata with room for the sum: what a file is written with before it is sealed."""
    return (metadata or {}) | {FIELD: BLANK}


def seal(path: Path) -> str:
    """Write the sum of a file, written with `blank` metadata, into it; returns the sum.

    Raises:
        SealError: the file has no room for a sum.
    """
    place = _place(path)
    found = _sum(path, place)
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(found.encode())
    return found


def check(path: Path, remedy: str) -> str:
    """The sum of a file, which is found to be as it was sealed.

    Args:
        path: the file.
        remedy: what to do about a file that is not; a sentence.

    Raises:
        SealError: it is damaged, cut short, or was never sealed.
        OSError: it cannot be read.
    """
    try:
        place = _place(path)
    except SealError as error:
        raise SealError(f"{error} {remedy}") from None
    with open(path, "rb") as file:
        file.seek(place)
        expected = file.read(len(BLANK)).decode("latin-1")
    found = _sum(path, place)
    if found != expected:
        raise SealError(f"`{path}` must have sha256 {expected}. Found {found}. {remedy}")
    return found


def _place(path: Path) -> int:
    """Where in the file its sum begins, in bytes."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(min(length, path.stat().st_size))
    at = header.find(MARK)
    if at < 0 or at + len(MARK) + len(BLANK) > len(header):
        raise SealError(
            f"`{path}` must be a safetensors file with its sha256 inside. Found none in it."
        )
    return 8 + at + len(MARK)


def _sum(path: Path, place: int) -> str:
    """The sha256 of the file with zeros where its sum is."""
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        hasher.update(file.read(place))
        file.seek(len(BLANK), 1)
        hasher.update(BLANK.encode())
        while chunk := file.read(CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()
