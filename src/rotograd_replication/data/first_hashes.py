"""Archives without a published hash are known by the sha256 of their first fetch.

It is kept in a JSON file, archive name -> sha256, that is meant to be committed: whoever fetches
later, from whatever address or folder, gets the same bytes or an error.
"""

import re
from pathlib import Path

from ..config import schema
from ..files import atomic as records
from ..files import checksums


def known(archives: list[schema.Archive], hashes: Path | None) -> dict[str, checksums.Known]:
    """What is known of each archive, by name: its published sums, or the recorded one.

    Args:
        archives: The archives of a dataset.
        hashes: The record, which the first fetch makes; None if every archive has a published hash.

    Raises:
        ValueError: no place for a record that is needed, or a file that is no record.
    """
    unpublished = _unpublished(archives)
    if unpublished and hashes is None:
        raise ValueError(
            f"`hashes` must name the file that records the sha256 of {', '.join(unpublished)}, "
            "which nobody published. Found none. Add `--hashes FILE`."
        )
    first = _read(hashes) if unpublished and hashes else {}
    note = f", as recorded at its first fetch in `{hashes}`. If it rightly changed, edit that file"
    found = {}
    for archive in archives:
        sha256 = archive.sha256 or (None if archive.md5 else first.get(archive.name))
        sums = tuple(filter(None, (sha256, *archive.copies)))
        remark = note if archive.name in first else ""
        found[archive.name] = checksums.Known(sums, archive.md5, archive.bytes, remark)
    return found


def add(archives: list[schema.Archive], hashes: Path | None, sums: dict[str, str]) -> list[str]:
    """Record the archives that are not recorded yet; returns their names.

    Args:
        archives: The archives of a dataset.
        hashes: The record.
        sums: Archive name -> the sha256 of what was fetched.
    """
    first = _read(hashes) if hashes else {}
    new = [name for name in _unpublished(archives) if name not in first]
    if hashes and new:
        records.write_json(hashes, first | {name: sums[name] for name in new})
    return new


def _unpublished(archives: list[schema.Archive]) -> list[str]:
    return [archive.name for archive in archives if not (archive.sha256 or archive.md5)]


def _read(hashes: Path) -> dict[str, str]:
    first = records.read_json(hashes) if hashes.is_file() else {}
    sound = isinstance(first, dict) and all(
        re.fullmatch("[0-9a-f]{64}", str(sha256)) for sha256 in first.values()
    )
    if not sound:
        raise ValueError(
            f"`{hashes}` must map archive names to sha256. Found {str(first)[:80]}. Restore it "
            "from the repository."
        )
    return first
