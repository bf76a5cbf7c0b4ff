"""A safetensors file that carries the sha256 of its own bytes: a flipped byte anywhere is found.

The sum is in the file's header, under `sha256` of its metadata. It is that of the whole file with
64 zeros in the sum's place. So there is no second file to lose, and a copy carries its sum too.
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
    """Make metadata with room for the sum: a file is written with it before it is sealed."""
    return (metadata or {}) | {FIELD: BLANK}


def seal(path: Path) -> str:
    """Write a file's sum into it and return the sum; it was written with `blank` metadata.

    Raises:
        SealError: The file has no room for a sum.
    """
    offset = _place(path)
    sha256 = _sum(path, offset)
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(sha256.encode())
    return sha256


def check(path: Path, remedy: str) -> str:
    """Check that a file is as it was sealed; return its sum.

    Args:
        path: The file.
        remedy: What to do about a file that is not; a sentence.

    Raises:
        SealError: It is damaged, cut short, or was never sealed.
        OSError: It cannot be read.
    """
    try:
        offset = _place(path)
    except SealError as error:
        raise SealError(f"{error} {remedy}") from None
    with open(path, "rb") as file:
        file.seek(offset)
        expected = file.read(len(BLANK)).decode("latin-1")
    sha256 = _sum(path, offset)
    if sha256 != expected:
        raise SealError(f"`{path}` must have sha256 {expected}. Found {sha256}. {remedy}")
    return sha256


def _place(path: Path) -> int:
    """Find where in the file its sum begins, in bytes."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(min(length, path.stat().st_size))
    at = header.find(MARK)
    if at < 0 or at + len(MARK) + len(BLANK) > len(header):
        raise SealError(
            f"`{path}` must be a safetensors file with its sha256 inside. Found none in it."
        )
    return 8 + at + len(MARK)


def _sum(path: Path, offset: int) -> str:
    """Compute the sha256 of the file with zeros where its sum is."""
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        hasher.update(file.read(offset))
        file.seek(len(BLANK), 1)
        hasher.update(BLANK.encode())
        while chunk := file.read(CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()
