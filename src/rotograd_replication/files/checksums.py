"""A file is known by its content: by its sha256, or by its md5 where no more is published."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20


class Checksums:
    """The checksums of bytes that come in order.

    Attributes:
        size: Bytes so far.
    """

    def __init__(self, algorithms: list[str]) -> None:
        self.size = 0
        self._hashers = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}

    def update(self, chunk: bytes) -> None:
        """Take in the next bytes."""
        self.size += len(chunk)
        for hasher in self._hashers.values():
            hasher.update(chunk)

    def __getitem__(self, algorithm: str) -> str:
        """Return one checksum, in hexadecimal."""
        return self._hashers[algorithm].hexdigest()

    def __str__(self) -> str:
        """Write the checksums and the size, for a message."""
        checksums = " and ".join(f"{name} {self[name]}" for name in self._hashers)
        return f"{checksums} of {self.size} bytes"


@dataclass(frozen=True)
class ExpectedChecksums:
    """What is known of a file before it is read.

    Attributes:
        sha256: The checksums it may have.
        md5: Another checksum it may have; None where `sha256` says all.
        size: In bytes; decides only where no checksum is known.
    """

    sha256: tuple[str, ...] = ()
    md5: str | None = None
    size: int | None = None

    @property
    def known(self) -> bool:
        """Whether a checksum is known."""
        return bool(self.sha256 or self.md5)

    def start(self) -> Checksums:
        """Start checksums of the kinds that are needed: sha256 always."""
        return Checksums(["sha256", "md5"] if self.md5 else ["sha256"])

    def read(self, path: Path) -> Checksums:
        """Compute the checksums of a file."""
        checksums = self.start()
        with open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                checksums.update(chunk)
        return checksums

    def accepts(self, found: Checksums) -> bool:
        """Say whether a file of these checksums is the one that is expected."""
        if not self.known:
            return self.size in (None, found.size)
        return found["sha256"] in self.sha256 or (self.md5 is not None and found["md5"] == self.md5)

    def __str__(self) -> str:
        """Write what is expected, for a message."""
        checksums = [f"md5 {self.md5}"] if self.md5 else []
        checksums += [f"sha256 {sha256}" for sha256 in self.sha256]
        size = f"{self.size} bytes" if self.size else "a sha256 yet to be recorded"
        return " or ".join(checksums) or size
