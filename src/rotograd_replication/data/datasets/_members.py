"""What an archive may hold: plain files and folders, named within it.

Nothing here is unpacked to a folder, yet an archive with an absolute name, a `..`, a link or a
device in it is not the one that was published, and none of its files is believed.
"""

import contextlib
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from ...files import damage

ZIP = "a whole zip archive"


def check_tar(member: tarfile.TarInfo, archive: str) -> None:
    """Refuse an unsafe member of a tar archive.

    Raises:
        ValueError: names the archive, the member and what is wrong with it.
    """
    kinds = {"a link": member.issym() or member.islnk(), "a device": member.isdev()}
    kind = next((name for name, holds in kinds.items() if holds), None)
    plain = member.isreg() or member.isdir()
    _check(member.name, archive, kind or (None if plain else "neither file nor folder"))


@contextlib.contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip archive, all of whose members are safe.

    Raises:
        ValueError: it is damaged, or a member is not safe.
        OSError: it cannot be opened.
    """
    with open(path, "rb") as file:
        with damage.reading(path.name, ZIP):
            archive = zipfile.ZipFile(file)
        check_zip(archive, path.name)
        yield archive


def check_zip(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse a zip archive with an unsafe member.

    Raises:
        ValueError: names the archive, the member and what is wrong with it.
    """
    for member in archive.infolist():
        mode = member.external_attr >> 16  # 0 where the archive was not made on Unix
        kind = stat.S_IFMT(mode)
        link = "a link" if kind == stat.S_IFLNK else "a device"
        plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
        _check(member.orig_filename, name, None if plain else link)


def _check(member: str, archive: str, kind: str | None) -> None:
    path = PurePosixPath(member.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(member).drive:
        kind = "an absolute name"
    elif ".." in path.parts:
        kind = "a name that leads out of the archive"
    if kind:
        raise ValueError(
            f"`{archive}` must hold plain files and folders named within it. Found `{member}`, "
            f"{kind}. This is not the published archive: delete it and fetch it again."
        )
