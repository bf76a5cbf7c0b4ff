"""Read the files of an archive in memory; nothing is unpacked to the disk.

An archive with an absolute name, a name with `..`, a link or a device is unsafe, and none of its
files is read. A folder called `/` is none of these: hosts that pack a folder anew for each download
put it first. Files that a system leaves in archives without being asked (`TRACES`) are skipped: a
zip made on a Mac has `__MACOSX/._0.npy` next to `0.npy`.
"""

import contextlib
import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from ...files import damage

CHUNK = 1 << 20
TRACES = {".DS_Store", "Thumbs.db", "desktop.ini"}
# How Python can read what is in a zip. Some systems pack large files as deflate64.
PACKINGS: dict[int, str] = zipfile.compressor_names  # type: ignore[attr-defined]
READABLE = {
    method: PACKINGS[method]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
}
TAR = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
# The name of a file in an archive, with `/` between folders, and its bytes in order.
File = tuple[str, Iterator[bytes]]


def files(path: Path, name: str | None = None) -> Iterator[File]:
    """Give every file of an archive; a file that is no archive is given as it is.

    Args:
        path: The archive; its bytes must be read before the next file is asked for.
        name: Its name, which says the format and is used in messages; None for the path's own.

    Raises:
        ValueError: it is damaged, unsafe or of another format than its name says.
        OSError: it cannot be opened.
    """
    name = name or path.name
    if name.endswith(".zip"):
        with open_zip(path, name) as archive:
            for inner, member in members(archive).items():
                with damage.reading(name, _whole("zip")):
                    stream = archive.open(member)
                yield inner, _chunks(stream, name, _whole("zip"))
    elif name.endswith(TAR):
        yield from _tar(path, name)
    else:
        packed = name.endswith(".gz")
        with open(path, "rb") as file, gzip.open(file) if packed else file as plain:
            yield name.removesuffix(".gz"), _chunks(plain, name, _whole("gz"))


@contextlib.contextmanager
def open_zip(path: Path, name: str | None = None) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive, all of whose members are safe.

    Args:
        path: The archive.
        name: Its name in messages; None for the path's own.

    Raises:
        ValueError: it is damaged, or a member is not safe or cannot be read.
        OSError: it cannot be opened.
    """
    name = name or path.name
    with open(path, "rb") as file:
        with damage.reading(name, _whole("zip")):
            archive = zipfile.ZipFile(file)
        for member in archive.infolist():
            # The mode is 0 where the archive was not made on Unix.
            kind = stat.S_IFMT(member.external_attr >> 16)
            devices = (stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK)
            link, device = kind == stat.S_IFLNK, kind in devices
            _refuse_unsafe(name, member.orig_filename, link, device)
            _refuse_unreadable(name, member)
        yield archive


def members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Give the files of a zip archive by name, without folders and traces of a system."""
    plain = (m for m in archive.infolist() if not m.is_dir() and not _is_trace(m.filename))
    return {_slashes(member.filename): member for member in plain}


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> bytes:
    """Read one file of the zip archive that is called `name`.

    Raises:
        ValueError: it is damaged.
    """
    with damage.reading(name, _whole("zip")):
        return archive.read(member)


def _tar(path: Path, name: str) -> Iterator[File]:
    kind = _whole(next(s for s in reversed(TAR) if name.endswith(s)).removeprefix("."))
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(path, "rb"))
        with damage.reading(name, kind):
            archive = stack.enter_context(tarfile.open(fileobj=file, mode="r:*"))
        while True:
            with damage.reading(name, kind):
                member = archive.next()
            if member is None:
                return
            _refuse_unsafe(name, member.name, member.issym() or member.islnk(), member.isdev())
            with damage.reading(name, kind):
                stream = archive.extractfile(member) if member.isreg() else None
            if stream and not _is_trace(member.name):
                yield _slashes(member.name), _chunks(stream, name, kind)


def _chunks(stream: IO[bytes] | io.BufferedIOBase, name: str, kind: str) -> Iterator[bytes]:
    """Give the bytes of a file, and refuse the archive where they cannot be read."""
    while True:
        with damage.reading(name, kind):
            chunk = stream.read(CHUNK)
        if not chunk:
            return
        yield chunk


def _whole(suffix: str) -> str:
    return f"a whole {suffix} archive"


def _slashes(name: str) -> str:
    """Write a name as Unix has it: archives made on Windows may have backslashes."""
    return name.replace("\\", "/")


def _is_trace(name: str) -> bool:
    parts = PurePosixPath(_slashes(name)).parts
    last = parts[-1] if parts else ""
    return "__MACOSX" in parts or last.startswith("._") or last in TRACES


def _refuse_unreadable(archive: str, member: zipfile.ZipInfo) -> None:
    if member.flag_bits & 1 or member.compress_type not in READABLE:
        found = PACKINGS.get(member.compress_type, str(member.compress_type))
        raise ValueError(
            f"`{archive}` must be packed without a password and as {', '.join(READABLE.values())}. "
            f"Found `{member.filename}`, packed as {found}{' with one' * (member.flag_bits & 1)}. "
            "Unpack it, and pack it anew with another program."
        )


def _refuse_unsafe(archive: str, member: str, link: bool, device: bool) -> None:
    path = PurePosixPath(_slashes(member))
    faults = {
        "an absolute name": bool(
            (path.is_absolute() and path.name) or PureWindowsPath(member).drive
        ),
        "a name that leads out of the archive": ".." in path.parts,
        "a link": link,
        "a device": device,
    }
    if fault := next((fault for fault, holds in faults.items() if holds), None):
        raise ValueError(
            f"`{archive}` must hold plain files and folders named within it. Found `{member}`, "
            f"{fault}. It is not the published archive: delete it and fetch it again."
        )
