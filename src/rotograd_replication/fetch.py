"""Original archives are brought from a mirror folder or the network, and none of unknown content.

`archives.json`, written last, says which files lie beside it and their sha256. It names the data by
the label of what was found: a copy that is not the official archive is called so in every caption.

Downloads use requests rather than pooch: pooch checks hashes but begins every attempt at the first
byte, which on a slow line may never end for an archive of 170 MB. Here the bytes of a broken
attempt stay in `<name>.part`, and the next one asks the server for the rest (HTTP `Range`).
"""

import contextlib
import hashlib
import logging
import tempfile
import time
from pathlib import Path

import requests
import tqdm
import urllib3

from . import config, plugins, records, schema

CHUNK = 1 << 20
# Seconds: to connect, and without a byte while reading.
TIMEOUT = (10, 60)
ROUNDS = 3
# Seconds before the second round of addresses; doubled before each later one.
PAUSE = 1.0
# Answers of a server for which asking again may help: time out, too many requests.
TEMPORARY = {408, 429}
FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError)

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
        for archive in absent:
            found[archive.name] = (
                _copy(archive, mirror, folder) if mirror else _download(archive, folder)
            )
        sums = {file: sha256 for file, sha256 in found.items() if sha256}
        label = _label(dataset, sums)
    records.write_json(out, {"dataset": name, "label": label, "archives": sums})
    log.info("%s: %d archives in place (%s)", name, len(sums), label)


def _accepted(archive: schema.Archive) -> set[str]:
    """The sha256 sums an archive may have."""
    return {archive.sha256, *archive.copies}


def _expected(archive: schema.Archive) -> str:
    """The sha256 sums an archive may have, for a message."""
    return " or ".join([archive.sha256, *archive.copies])


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
    if found in _accepted(archive):
        return found
    log.warning(
        "`%s` must have sha256 %s. Found %s. It will be replaced.",
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
        if found not in _accepted(archive):
            cut = f" (truncated: {archive.bytes} expected)" if size < archive.bytes else ""
            raise FetchError(
                f"`{archive.name}` of the mirror folder `{mirror}` must have sha256 "
                f"{_expected(archive)}. Found {found} of {size} bytes{cut}. Replace it by the "
                "original file, or name another folder with `--config mirror=FOLDER`."
            )
    return found


def _download(archive: schema.Archive, folder: Path) -> str:
    """Download one archive.

    Raises:
        FetchError: no address gave the file.
    """
    path = folder / archive.name
    fault = _bring(archive.urls, path, archive.bytes, _accepted(archive))
    if fault:
        raise FetchError(
            f"`{archive.name}` must be downloaded with sha256 {_expected(archive)}. "
            f"Found: {fault}. Try again later (a started file resumes), put the file at `{path}` "
            "by hand, or name a folder that has it with `--config mirror=FOLDER`."
        )
    return records.sha256(path)


def _bring(urls: list[str], path: Path, size: int, accepted: set[str]) -> str | None:
    """Bring one file to `path`, whole and checked, from the first url that gives it.

    Args:
        urls: Addresses, tried in turn; a broken attempt resumes at the next.
        path: Where the file goes; `<path>.part` holds what has come so far.
        size: Its expected size in bytes, for the progress bar.
        accepted: The sha256 sums it may have.

    Returns:
        None once the file is in place, or what went wrong at every address.
    """
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    remaining, faults = list(urls), {url: "not tried" for url in urls}
    for attempt in range(ROUNDS):
        if attempt and remaining:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        for url in list(remaining):
            resumed = part.is_file() and part.stat().st_size > 0
            try:
                _receive(url, part, size)
            except FAULTS as error:
                faults[url] = _explain(error, part)
                if _permanent(error):
                    remaining.remove(url)
                log.info("%s: %s", url, faults[url])
                continue
            found = records.sha256(part)
            if found in accepted:
                part.replace(path)
                return None
            faults[url] = f"sha256 {found} of {part.stat().st_size} bytes"
            part.unlink()
            if not resumed:  # the whole file is another one: asking this server again is no use
                remaining.remove(url)
    return "; ".join(f"{url}: {fault}" for url, fault in faults.items())


def _receive(url: str, part: Path, size: int) -> None:
    """Append to `part` what it lacks; start over if the server cannot resume."""
    have = part.stat().st_size if part.is_file() else 0
    # `identity`: the bytes as stored; a server may otherwise unpack a .gz on the way.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416:  # nothing after what we have; its sha256 will tell
            return
        response.raise_for_status()
        resumed = response.status_code == 206
        have = have if resumed else 0
        bar = tqdm.tqdm(
            desc=part.stem, total=size, initial=have, unit="B", unit_scale=True, disable=None
        )
        with open(part, "ab" if resumed else "wb") as file, bar:
            for chunk in response.raw.stream(CHUNK, decode_content=False):
                file.write(chunk)
                bar.update(len(chunk))


def _permanent(error: Exception) -> bool:
    """Whether the server refused for good: asking it again is no use."""
    response = getattr(error, "response", None)
    return (
        response is not None
        and 400 <= response.status_code < 500
        and response.status_code not in TEMPORARY
    )


def _explain(error: Exception, part: Path) -> str:
    """One line: the server's answer, a broken transfer, or no network."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code} {response.reason}"
    if part.is_file() and not isinstance(error, requests.ConnectionError):
        return f"stopped after {part.stat().st_size} bytes ({type(error).__name__})"
    return f"no connection ({type(error).__name__})"


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
