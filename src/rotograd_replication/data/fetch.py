"""Copy original archives from a mirror folder or download them, and none of unknown content.

An archive is known by its published sha256 or md5, and where nobody published one by the files in
it, as they were at its first fetch (`first_hashes`). A dataset's plug-in may define
`other_forms(mirror)`: the archives that it can write from other files of a mirror folder.

`archives.json`, written last, says which files are next to it, their sha256 and, of an archive that
is known by its contents, a digest of these. It names the data by the label of what was fetched: a
copy that is not the official archive is called so in every caption.
"""

import contextlib
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import plugins
from ..config import schema, settings
from ..files import atomic
from ..files.checksums import CHUNK, Checksums, ExpectedChecksums
from . import contents, download, web_page
from .first_hashes import FirstHashes

# Writes an archive to a path, from another form of it.
Form = Callable[[Path], None]

log = logging.getLogger(__name__)


class FetchError(ValueError):
    """An archive that cannot be had; its message names the file, its sha256 and the remedy."""


def run(
    name: str,
    dataset: schema.Dataset,
    mirror: Path | None,
    out: Path,
    hashes: Path | None = None,
) -> None:
    """Have every archive of a dataset next to `out`, then write `out`.

    Args:
        name: The dataset's name in `configs/datasets.yaml`.
        dataset: Its entry.
        mirror: A folder of the original archives under their official names, or None to download.
        out: The `archives.json` to write; archives go into its folder.
        hashes: The record of archives without a published hash (see `first_hashes`); None to keep
            none, if all of them have one.

    Raises:
        FetchError: an archive is missing, damaged or out of reach.
        ValueError: `hashes` is needed and not given, or is no record.
    """
    folder = out.parent
    folder.mkdir(parents=True, exist_ok=True)
    contents_of: dict[str, str] = {}
    if dataset.standin:
        checksums, label = _generate(dataset.standin, folder), dataset.label
    else:
        checksums, label, contents_of = _fetch_all(dataset, mirror, folder, hashes)
    record: dict[str, Any] = {"dataset": name, "label": label, "archives": checksums}
    atomic.write_json(out, record | ({"contents": contents_of} if contents_of else {}))
    log.info("%s: %d archives in place (%s)", name, len(checksums), label)


def _fetch_all(
    dataset: schema.Dataset, mirror: Path | None, folder: Path, hashes: Path | None
) -> tuple[dict[str, str], str, dict[str, str]]:
    """Have every archive in `folder`.

    Returns:
        Archive name -> sha256; what the data are called; and, of archives that are known by their
        contents, archive name -> digest of the contents.

    Raises:
        FetchError: as `run` says.
    """
    first = FirstHashes(dataset, hashes)
    checksums = {a.name: _sha256_of_held(a, first, folder) for a in dataset.archives}
    absent = [archive for archive in dataset.archives if checksums[archive.name] is None]
    if mirror and absent:
        there = all((mirror / archive.name).is_file() for archive in absent)
        forms = {} if there else _other_forms(dataset, mirror)
        _check_mirror([a.name for a in absent if a.name not in forms], len(absent), mirror)
    for i, archive in enumerate(absent):
        checksums[archive.name] = (
            _copy(archive, first, mirror, folder, forms.get(archive.name))
            if mirror
            else _download(archive, first, folder, _by_hand(absent[i:], first, dataset.homepage))
        )
    if new := first.save():
        log.info("`%s` now records %s: commit it", hashes, ", ".join(new))
    contents_of = {name: contents.digest(held) for name, held in first.contents.items()}
    whole = {name: sha256 for name, sha256 in checksums.items() if sha256}
    return whole, _label(dataset, whole, contents_of), contents_of


def _label(dataset: schema.Dataset, checksums: dict[str, str], contents_of: dict[str, str]) -> str:
    """Give the dataset's label, or that of the first archive that is not the published file."""
    labels = (
        archive.copies.get(checksums[archive.name])
        or (archive.repackaged if archive.name in contents_of else None)
        for archive in dataset.archives
    )
    return next((label for label in labels if label), dataset.label)


def _other_forms(dataset: schema.Dataset, mirror: Path) -> dict[str, Form]:
    """Ask the plug-in which archives it can write from what is in a mirror folder.

    Raises:
        FetchError: a file there is damaged.
    """
    plugin = plugins.load("datasets", dataset.module)
    if not mirror.is_dir() or not hasattr(plugin, "other_forms"):
        return {}
    try:
        return plugin.other_forms(mirror)
    except ValueError as fault:
        raise FetchError(_in_mirror(mirror, fault)) from fault


def _judge(
    archive: schema.Archive,
    first: FirstHashes,
    path: Path,
    checksums: Checksums,
    repackaged: bool = True,
) -> None:
    """Refuse a file that is not the archive: by its checksums if any is known, else by contents.

    Args:
        archive: The archive.
        first: What is known of it.
        path: The file.
        checksums: Of the file.
        repackaged: Whether the archive's files in another wrapping will do, where the
            configuration allows that.

    Raises:
        ValueError: another file; says what was expected and found.
    """
    expected = first.expected(archive)
    accepted = expected.accepts(checksums)
    if expected.known and accepted:
        return
    if not accepted:
        web_page.refuse(path, archive.name)
    if not accepted and not (archive.repackaged and repackaged):
        cut = " (truncated)" if expected.size and checksums.size < expected.size else ""
        raise ValueError(f"`{archive.name}` must have {expected}. Found {checksums}{cut}.")
    first.check(archive, path)


def _sha256_of_held(archive: schema.Archive, first: FirstHashes, folder: Path) -> str | None:
    """Give the sha256 of the archive already in `folder`, if it is an accepted one."""
    path = folder / archive.name
    if not path.is_file():
        return None
    checksums = first.expected(archive).read(path)
    try:
        _judge(archive, first, path, checksums)
    except ValueError as fault:
        log.warning("%s It will be replaced.", fault)
        return None
    return checksums["sha256"]


def _check_mirror(wanted: list[str], count: int, mirror: Path) -> None:
    """Name at once every file that a mirror folder lacks.

    Args:
        wanted: Archives that must be there under their names.
        count: How many are to be copied in all.
        mirror: The folder.

    Raises:
        FetchError: no such folder, or files missing from it.
    """
    missing = [name for name in wanted if not (mirror / name).is_file()]
    if not mirror.is_dir() or missing:
        kind = "Found none of them" if len(missing) == count else "Found the others"
        result = kind if mirror.is_dir() else "Found no such folder"
        raise FetchError(
            f"The mirror folder `{mirror}` must hold {', '.join(missing)}. {result}. Put the "
            "original files there, name another folder with `--config mirror=FOLDER`, or leave "
            "`mirror` out to download them."
        )


def _copy(
    archive: schema.Archive, first: FirstHashes, mirror: Path, folder: Path, form: Form | None
) -> str:
    """Copy one archive from the mirror; it takes its place only if it is accepted.

    Args:
        archive: What to copy.
        first: What is known of it.
        mirror: The mirror folder.
        folder: Where to.
        form: Writes the archive from another form of it; used where the mirror lacks the archive.

    Returns:
        Its sha256.

    Raises:
        FetchError: it is another file, or damaged.
    """
    expected = first.expected(archive)
    with atomic.atomic(folder / archive.name) as temporary:
        try:
            if form and not (mirror / archive.name).is_file():
                form(temporary)
                checksums = expected.read(temporary)
            else:
                checksums = _copy_and_read(mirror / archive.name, temporary, expected)
            _judge(archive, first, temporary, checksums)
        except ValueError as fault:
            raise FetchError(_in_mirror(mirror, fault)) from fault
    return checksums["sha256"]


def _copy_and_read(source: Path, target: Path, expected: ExpectedChecksums) -> Checksums:
    """Copy a file and compute its checksums on the way."""
    checksums = expected.start()
    with open(source, "rb") as original, open(target, "wb") as copy:
        while chunk := original.read(CHUNK):
            checksums.update(chunk)
            copy.write(chunk)
    return checksums


def _in_mirror(mirror: Path, fault: ValueError) -> str:
    """Say that a fault is of a file in the mirror folder, and what to do."""
    return (
        f"In the mirror folder `{mirror}`: {fault} Put the original file there, or name another "
        "folder with `--config mirror=FOLDER`."
    )


def _by_hand(archives: list[schema.Archive], first: FirstHashes, homepage: str) -> str:
    """Say what a person needs to know who gets the files from elsewhere."""
    files = (f"{a.name} ({a.bytes or 'unknown'} bytes, {first.describe(a)})" for a in archives)
    return f"Still missing: {', '.join(files)}. Home page: {homepage}"


def _download(archive: schema.Archive, first: FirstHashes, folder: Path, missing: str) -> str:
    """Download one archive.

    Args:
        archive: What to download.
        first: What is known of it.
        folder: Where to.
        missing: All that is still missing, for the message.

    Returns:
        Its sha256.

    Raises:
        FetchError: no address gave the file.
    """
    path, expected = folder / archive.name, first.expected(archive)

    def check(part: Path, checksums: Checksums) -> None:
        _judge(archive, first, part, checksums, repackaged=False)

    try:
        with atomic.room(path):
            return download.download(archive.urls, path, expected, check)["sha256"]
    except download.DownloadError as fault:
        raise FetchError(
            f"`{archive.name}` must be downloaded ({first.describe(archive)}). Found: {fault}. Try "
            f"again later (a started file resumes), put the file at `{path}` by hand, or name a "
            f"folder that has it with `--config mirror=FOLDER`. {missing}"
        ) from fault


def _generate(standin: schema.Standin, folder: Path) -> dict[str, str]:
    """Write the generated archives of a stand-in; returns file name -> sha256."""
    write = plugins.load("standins", standin.module).write
    with tempfile.TemporaryDirectory(prefix=".standin.", dir=folder) as temporary:
        write(Path(temporary), **settings.values(standin.parameters))
        files = sorted(Path(temporary).iterdir())
        checksums = {path.name: atomic.sha256(path) for path in files}
        with contextlib.ExitStack() as stack:
            for path in files:
                path.replace(stack.enter_context(atomic.atomic(folder / path.name)))
    return checksums
