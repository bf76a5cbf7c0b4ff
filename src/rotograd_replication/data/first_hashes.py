"""Archives without a published hash are known by what they held at their first fetch.

A JSON file, archive name -> its contents (see `contents`), is meant to be committed: whoever
fetches later, from whatever address or folder, gets the same files or an error.
"""

import errno
from pathlib import Path
from typing import Any

from ..config import schema
from ..files import atomic, safety
from ..files.checksums import ExpectedChecksums
from . import contents


class FirstHashes:
    """What is known of a dataset's archives, and what this fetch adds to it.

    Attributes:
        contents: Archive name -> what it holds, of those archives that were read.
    """

    def __init__(self, dataset: schema.Dataset, hashes: Path | None) -> None:
        """Read the record.

        Args:
            dataset: The dataset.
            hashes: The record, which the first fetch makes; None to keep none, if every archive
                has a published hash.

        Raises:
            ValueError: no place for a record that is needed, or a file that is no record.
        """
        needed = [a.name for a in dataset.archives if by_contents(a)]
        if needed and hashes is None:
            raise ValueError(
                f"`hashes` must name the file that records what {', '.join(needed)} holds, of "
                "which nobody published a hash. Found none. Add `--hashes FILE`."
            )
        self.contents: dict[str, contents.Contents] = {}
        self._dataset, self._hashes = dataset, hashes
        self._first = _read(hashes) if hashes else {}

    def expected(self, archive: schema.Archive) -> ExpectedChecksums:
        """Give the published checksums of the archive's file, if there are any."""
        checksums = filter(None, (archive.sha256, *archive.copies))
        return ExpectedChecksums(tuple(checksums), archive.md5, archive.bytes)

    def describe(self, archive: schema.Archive) -> str:
        """Say how the archive is known, for a message."""
        if (expected := self.expected(archive)).known:
            return str(expected)
        if archive.name in self._first:
            return f"the files that `{self._hashes}` records"
        return "no published hash"

    def check(self, archive: schema.Archive, path: Path) -> None:
        """Read an archive without a known checksum, and hold it to the record, if it is recorded.

        Args:
            archive: The archive.
            path: Where it is.

        Raises:
            ValueError: it is damaged or no archive, or it holds other files than are recorded.
        """
        held = contents.read(path, archive.name, self._dataset)
        first = self._first.get(archive.name)
        if first and (other := contents.differences(first, held)):
            raise ValueError(
                f"`{archive.name}` must hold what `{self._hashes}` records of its first fetch. "
                f"Found {other}. If these files are the right ones, delete `{archive.name}` from "
                "that record and give the same command again."
            )
        self.contents[archive.name] = held

    def save(self) -> list[str]:
        """Record the archives that were read and are not recorded yet.

        Returns:
            Their names; none where the record may not be written, as in another user's checkout.
        """
        new = {name: held for name, held in self.contents.items() if name not in self._first}
        if new and self._hashes:
            risk = (
                f"What {', '.join(new)} holds is not recorded: a later fetch may be of other files."
            )
            with safety.where_possible(
                "write access", risk, self._hashes, {errno.EACCES, errno.EROFS}
            ):
                atomic.write_json(self._hashes, self._first | new)
                return sorted(new)
        return []


def by_contents(archive: schema.Archive) -> bool:
    """Tell whether nobody published a hash of the archive."""
    return not (archive.sha256 or archive.md5)


def _read(hashes: Path) -> dict[str, Any]:
    first = atomic.read_json(hashes) if hashes.is_file() else {}
    if not isinstance(first, dict) or not all(map(_is_sound, first.values())):
        raise ValueError(
            f"`{hashes}` must map archive names to contents. Found "
            f"{str(first)[:80]}. Restore it from the repository, or delete it to record anew."
        )
    return first


def _is_sound(entry: Any) -> bool:
    """Tell whether an entry of the record is contents."""
    folders = entry.values() if isinstance(entry, dict) else [None]
    return all(isinstance(f, dict) and set(f) == {"files", "bytes", "sha256"} for f in folders)
