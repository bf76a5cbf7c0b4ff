"""Download one file from the first address that gives it whole, and keep what a break left.

Downloads use requests rather than pooch: pooch checks hashes but begins every attempt at the first
byte, which on a slow line may never end for an archive of 170 MB. Here the bytes of a broken
attempt stay in `<name>.part`, and the next one asks the server for the rest (HTTP `Range`).

A checksum tells a file that changed meanwhile. Where none is known, `<name>.part.version` holds
what the server called the version that has begun (`ETag` or `Last-Modified`), and the rest is asked
for only of that version (HTTP `If-Range`, RFC 9110): of another one the server sends the whole
file. From a server that names no version, the sizes must agree.
"""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import requests
import tqdm
import urllib3

from ..files.checksums import CHUNK, Checksums, ExpectedChecksums
from . import google_drive

# Seconds: to connect, and without a byte while reading.
TIMEOUT = (10, 60)
ROUNDS = 3
# Seconds before the second round of addresses; doubled before each later one.
PAUSE = 1.0
# Answers of a server for which asking again may help: time out, too many requests.
TEMPORARY = {408, 429}
FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError)

log = logging.getLogger(__name__)


class DownloadError(ValueError):
    """No address gave the file; its message says what each of them gave."""


def download(
    urls: list[str],
    path: Path,
    expected: ExpectedChecksums,
    check: Callable[[Path, Checksums], None],
) -> Checksums:
    """Download one file to `path`, whole and checked, from the first url that gives it.

    Args:
        urls: Addresses (`gdrive:<id>` is Google Drive's), tried in turn; a broken attempt resumes
            at the next.
        path: Where the file goes; `<path>.part` holds what has come so far.
        expected: What is known of it.
        check: Raises ValueError for a file, with its checksums, that is not the one.

    Returns:
        Its checksums; the file is in place.

    Raises:
        DownloadError: what went wrong at every address.
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
                _receive(url, part, expected)
            except FAULTS as error:
                faults[url] = _explain(error, part)
                if _permanent(error):
                    remaining.remove(url)
                log.info("%s: %s", url, faults[url])
                continue
            checksums = expected.read(part)
            _version_file(part).unlink(missing_ok=True)
            try:
                check(part, checksums)
            except ValueError as fault:
                faults[url] = str(fault).rstrip(".")
                part.unlink()
                if not resumed:  # the whole file is another one: asking again is no use
                    remaining.remove(url)
                continue
            part.replace(path)
            return checksums
    raise DownloadError("; ".join(f"{url}: {fault}" for url, fault in faults.items()))


def _receive(url: str, part: Path, expected: ExpectedChecksums) -> None:
    """Append to `part` what it lacks; start over if the server cannot, or has another version."""
    have = part.stat().st_size if part.is_file() else 0
    # `identity`: the bytes as stored; a server may otherwise unpack a .gz on the way.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    version = _version_file(part)
    if have and version.is_file() and not expected.known:
        headers["If-Range"] = version.read_text()
    with _open(url, headers) as response:
        if response.status_code == 416 and have:  # nothing after what we have
            whole = response.headers.get("Content-Range") == f"bytes */{have}"
            if not (whole or expected.known):  # no checksum will tell another file from this one
                part.unlink()
                _receive(url, part, expected)
            return
        response.raise_for_status()
        resumed = response.status_code == 206
        have = have if resumed else 0
        rest = response.headers.get("Content-Length")
        total = expected.size or (have + int(rest) if rest else None)
        bar = tqdm.tqdm(
            desc=part.stem, total=total, initial=have, unit="B", unit_scale=True, disable=None
        )
        with open(part, "ab" if resumed else "wb") as file, bar:
            if not resumed:  # the old bytes are gone by now, whatever happens next
                _note_version(version, response.headers)
            for chunk in response.raw.stream(CHUNK, decode_content=False):
                file.write(chunk)
                bar.update(len(chunk))


def _version_file(part: Path) -> Path:
    """Name the file in which the version of the bytes in `part` is kept."""
    return part.with_name(f"{part.name}.version")


def _note_version(version: Path, headers: Mapping[str, str]) -> None:
    """Keep what the server calls its version, if that is the same only for the same bytes."""
    tag = headers.get("ETag", "")
    name = headers.get("Last-Modified") if tag.startswith("W/") or not tag else tag
    if name:
        version.write_text(name)
    else:
        version.unlink(missing_ok=True)


def _open(url: str, headers: dict[str, str]) -> requests.Response:
    """Give the server's answer, its body still to come."""
    if url.startswith(google_drive.SCHEME):
        return google_drive.get(url, headers, TIMEOUT)
    return requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)


def _permanent(error: Exception) -> bool:
    """Tell whether the server refused for good: asking it again is no use."""
    if isinstance(error, google_drive.Refused):
        return True
    response = getattr(error, "response", None)
    return (
        response is not None
        and 400 <= response.status_code < 500
        and response.status_code not in TEMPORARY
    )


def _explain(error: Exception, part: Path) -> str:
    """Explain in one line: the server's answer, a broken transfer, or no network."""
    if isinstance(error, google_drive.Refused):
        return str(error)
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code} {response.reason}"
    if part.is_file() and not isinstance(error, requests.ConnectionError):
        return f"stopped after {part.stat().st_size} bytes ({type(error).__name__})"
    return f"no connection ({type(error).__name__})"
