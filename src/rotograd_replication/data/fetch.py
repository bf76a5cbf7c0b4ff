"""Original archives are brought from a mirror folder or the network, and none of unknown content.

`archives.json`, written last, says which files lie beside it and their sha256. It names the data by
the label of what was found: a copy that is not the official archive is called so in every caption.
"""

import contextlib
import logging
import tempfile
from pathlib import Path

from .. import plugins
from ..config import load as config
from ..config import schema
from ..files import atomic as records
from ..files import checksums
from . import download, first_hashes

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
    """Bring every archive of a dataset beside `out`, then write `out`.

    Args:
        name: The dataset's name in `configs/datasets.yaml`.
        dataset: Its entry.
        mirror: A folder of the original archives under their official names, or None to download.
        out: The `archives.json` to write; archives go into its folder.
        hashes: The record of archives without a published hash (see `first_hashes`); None if all of
            them have one.

    Raises:
        FetchError: an archive is missing, damaged or out of reach.
        ValueError: `hashes` is needed and not given, or is no record.
    """
    folder = out.parent
    folder.mkdir(parents=True, exist_ok=True)
    if dataset.standin:
        sums, label = _generate(dataset.standin, folder), dataset.label
    else:
        known = first_hashes.known(dataset.archives, hashes)
        held = {file: _held(file, one, folder) for file, one in known.items()}
        absent = [archive for archive in dataset.archives if held[archive.name] is None]
        if mirror and absent:
            _check_mirror(absent, mirror)
        for i, archive in enumerate(absent):
            one = known[archive.name]
            held[archive.name] = (
                _copy(archive.name, one, mirror, folder)
                if mirror
                else _download(archive, one, folder, _by_hand(absent[i:], known, dataset.homepage))
            )
        sums = {file: sha256 for file, sha256 in held.items() if sha256}
        label = _label(dataset, sums)
        if new := first_hashes.add(dataset.archives, hashes, sums):
            log.info("`%s` now records %s: commit it", hashes, ", ".join(new))
    records.write_json(out, {"dataset": name, "label": label, "archives": sums})
    log.info("%s: %d archives in place (%s)", name, len(sums), label)


def _label(dataset: schema.Dataset, sums: dict[str, str]) -> str:
    """The dataset's label, or that of the first archive that is a copy."""
    labels = (archive.copies.get(sums[archive.name]) for archive in dataset.archives)
    return next((label for label in labels if label), dataset.label)


def _held(file: str, known: checksums.Known, folder: Path) -> str | None:
    """The sha256 of the archive already in `folder`, if it is an accepted one."""
    path = folder / file
    if not path.is_file():
        return None
    found = known.read(path)
    if known.accepts(found):
        return found["sha256"]
    log.warning("`%s` must have %s. Found %s. It will be replaced.", file, known, found)
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


def _copy(file: str, known: checksums.Known, mirror: Path, folder: Path) -> str:
    """Copy one archive from the mirror, hashing on the way; it takes its place only if accepted."""
    found = known.sums()
    with (
        records.atomic(folder / file) as temporary,
        open(mirror / file, "rb") as source,
        open(temporary, "wb") as target,
    ):
        while chunk := source.read(checksums.CHUNK):
            found.update(chunk)
            target.write(chunk)
        if not known.accepts(found):
            cut = known.size and found.size < known.size
            raise FetchError(
                f"`{file}` of the mirror folder `{mirror}` must have {known}. Found {found}"
                f"{f' (truncated: {known.size} expected)' if cut else ''}. Replace it by the "
                "original file, or name another folder with `--config mirror=FOLDER`."
            )
    return found["sha256"]


def _by_hand(
    archives: list[schema.Archive], known: dict[str, checksums.Known], homepage: str
) -> str:
    """What a person needs who brings the files from elsewhere."""
    files = (f"{a.name} ({a.bytes or 'unknown'} bytes, {known[a.name]})" for a in archives)
    return f"Still missing: {', '.join(files)}. Home page: {homepage}"


def _download(archive: schema.Archive, known: checksums.Known, folder: Path, missing: str) -> str:
    """Download one archive.

    Args:
        archive: What to download.
        known: What is known of it.
        folder: Where to.
        missing: All that is still missing, for the message.

    Raises:
        FetchError: no address gave the file.
    """
    path = folder / archive.name
    try:
        return download.bring(archive.urls, path, known)["sha256"]
    except download.DownloadError as fault:
        raise FetchError(
            f"`{archive.name}` must be downloaded with {known}. Found: {fault}. Try again later "
            f"(a started file resumes), put the file at `{path}` by hand, or name a folder that "
            f"has it with `--config mirror=FOLDER`. {missing}"
        ) from fault


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
