"""Original archives are brought from a mirror folder or the network, and none of unknown content.

`archives.json`, written last, says which files lie beside it and their sha256. It names the data by
the label of what was found: a copy that is not the official archive is called so in every caption.
"""

import contextlib
import hashlib
import logging
import tempfile
from pathlib import Path

from . import config, download, plugins, records, schema

CHUNK = 1 << 20

log = logging.getLogger(__name__)


class FetchError(ValueError):
    """An archive that cannot be had; its message names the file, its sha256 and the remedy."""


def run(name: str, dataset: schema.Dataset, mirror: Path | None, out: Path) -> None:
    """Bring every archive of a dataset beside `out`, then write `out`.

    Args:
        name: The dataset's name in `configs/datasets.yaml`.
        dataset: Its entry.
        mirror: A folder of the original archives under their official names, or None to download.
        out: The `archives.json` to write; archives go into its folder.

    Raises:
        FetchError: an archive is missing, damaged or out of reach.
    """
    folder = out.parent
    folder.mkdir(parents=True, exist_ok=True)
    if dataset.standin:
        sums, label = _generate(dataset.standin, folder), dataset.label
    else:
        found = {archive.name: _held(archive, folder) for archive in dataset.archives}
        absent = [archive for archive in dataset.archives if found[archive.name] is None]
        if mirror and absent:
            _check_mirror(absent, mirror)
        for i, archive in enumerate(absent):
            found[archive.name] = (
                _copy(archive, mirror, folder)
                if mirror
                else _download(archive, folder, _by_hand(absent[i:], dataset.homepage))
            )
        sums = {file: sha256 for file, sha256 in found.items() if sha256}
        label = _label(dataset, sums)
    records.write_json(out, {"dataset": name, "label": label, "archives": sums})
    log.info("%s: %d archives in place (%s)", name, len(sums), label)


def _accepted(archive: schema.Archive) -> set[str]:
    """The sums an archive may have."""
    return {x for x in (archive.sha256, archive.md5, *archive.copies) if x}


def _expected(archive: schema.Archive) -> str:
    """The sums an archive may have, for a message."""
    own = f"sha256 {archive.sha256}" if archive.sha256 else f"md5 {archive.md5}"
    return " or ".join([own, *archive.copies])


def _label(dataset: schema.Dataset, sums: dict[str, str]) -> str:
    """The dataset's label, or that of the first archive that is a copy."""
    labels = (archive.copies.get(sums[archive.name]) for archive in dataset.archives)
    return next((label for label in labels if label), dataset.label)


def _held(archive: schema.Archive, folder: Path) -> str | None:
    """The sha256 of the archive already in `folder`, if it is an accepted one."""
    path = folder / archive.name
    if not path.is_file():
        return None
    found = records.sha256(path)
    if _accepted(archive) & records.sums(path):
        return found
    log.warning(
        "`%s` must have %s. Found %s. It will be replaced.",
        archive.name,
        _expected(archive),
        found,
    )
    return None


def _check_mirror(archives: list[schema.Archive], mirror: Path) -> None:
    """Name at once every file that a mirror folder lacks.

    Raises:
        FetchError: no such folder, or files missing from it.
    """
    missing = [archive.name for archive in archives if not (mirror / archive.name).is_file()]
    if not mirror.is_dir() or missing:
        kind = "Found none of them" if len(missing) == len(archives) else "Found the others"
        found = kind if mirror.is_dir() else "Found no such folder"
        raise FetchError(
            f"The mirror folder `{mirror}` must hold {', '.join(missing)}. {found}. Put the "
            "original files there, name another folder with `--config mirror=FOLDER`, or leave "
            "`mirror` out to download them."
        )


def _copy(archive: schema.Archive, mirror: Path, folder: Path) -> str:
    """Copy one archive from the mirror, hashing on the way; it takes its place only if accepted."""
    hasher, size = hashlib.sha256(), 0
    with (
        records.atomic(folder / archive.name) as temporary,
        open(mirror / archive.name, "rb") as source,
        open(temporary, "wb") as target,
    ):
        while chunk := source.read(CHUNK):
            hasher.update(chunk)
            size += len(chunk)
            target.write(chunk)
        found = hasher.hexdigest()
        target.flush()
        if not _accepted(archive) & records.sums(temporary):
            cut = f" (truncated: {archive.bytes} expected)" if size < archive.bytes else ""
            raise FetchError(
                f"`{archive.name}` of the mirror folder `{mirror}` must have "
                f"{_expected(archive)}. Found {found} of {size} bytes{cut}. Replace it by the "
                "original file, or name another folder with `--config mirror=FOLDER`."
            )
    return found


def _by_hand(archives: list[schema.Archive], homepage: str) -> str:
    """What a person needs who brings the files from elsewhere."""
    files = (f"{a.name} ({a.bytes} bytes, {_expected(a)})" for a in archives)
    return f"Still missing: {', '.join(files)}. Home page: {homepage}"


def _download(archive: schema.Archive, folder: Path, missing: str) -> str:
    """Download one archive.

    Args:
        archive: What to download.
        folder: Where to.
        missing: All that is still missing, for the message.

    Raises:
        FetchError: no address gave the file.
    """
    path = folder / archive.name
    fault = download.bring(archive.urls, path, archive.bytes, _accepted(archive))
    if fault:
        raise FetchError(
            f"`{archive.name}` must be downloaded with {_expected(archive)}. "
            f"Found: {fault}. Try again later (a started file resumes), put the file at `{path}` "
            f"by hand, or name a folder that has it with `--config mirror=FOLDER`. {missing}"
        )
    return records.sha256(path)


def _generate(standin: schema.Standin, folder: Path) -> dict[str, str]:
    """Write the generated archives of a stand-in; returns file name -> sha256."""
    write = plugins.load("standins", standin.module).write
    with tempfile.TemporaryDirectory(prefix=".standin.", dir=folder) as temporary:
        write(Path(temporary), **config.values(standin.parameters))
        files = sorted(Path(temporary).iterdir())
        sums = {path.name: records.sha256(path) for path in files}
        with contextlib.ExitStack() as stack:
            for path in files:
                place = stack.enter_context(records.atomic(folder / path.name))
                path.replace(place)
    return sums
