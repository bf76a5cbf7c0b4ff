"""CelebA as a well-known data site packs it, turned into the three official files.

The site has one archive: pictures in `img_align_celeba/img_align_celeba/`, and two lists with
commas, `list_attr_celeba.csv` and `list_eval_partition.csv`. People keep it packed or unpacked. The
lists are written in the official form, byte for byte, so that their official md5 decides. The
pictures keep their bytes; of their archive nobody published a hash.
"""

import csv
import functools
import io
import logging
import shutil
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from ...files import damage
from . import _archives

log = logging.getLogger(__name__)
IMAGES = "img_align_celeba.zip"
ATTRIBUTES = "list_attr_celeba.txt"
PARTITION = "list_eval_partition.txt"
# The site's list -> the official one.
LISTS = {"list_attr_celeba.csv": ATTRIBUTES, "list_eval_partition.csv": PARTITION}
FOLDERS = ("img_align_celeba/img_align_celeba", "img_align_celeba")
END = "\r\n"  # of every line of the official lists


def find(mirror: Path) -> dict[str, Callable[[Path], None]]:
    """Find the official files whose other form is in a folder.

    Args:
        mirror: The folder: the site's archive, under any name that ends in `.zip`, or what was
            unpacked of it.

    Returns:
        Official file -> what writes it to a path. Archives that are damaged or unsafe are logged.
    """
    forms: dict[str, Callable[[Path], None]] = {}
    for path in sorted(mirror.glob("*.zip")):
        if path.name == IMAGES:
            continue
        try:
            with _archives.open_zip(path) as archive:
                lists = [name for name in _archives.members(archive) if _last(name) in LISTS]
        except ValueError as error:  # perhaps another dataset's
            log.warning("Passed over in the mirror folder: %s", error)
            continue
        for name in lists:
            read: Callable[[], bytes] = functools.partial(_read_packed, path, name)
            forms[LISTS[_last(name)]] = functools.partial(_write_list, _last(name), read)
        if lists:
            forms[IMAGES] = functools.partial(shutil.copyfile, path)
    for name, official in LISTS.items():
        if (mirror / name).is_file():
            read = (mirror / name).read_bytes
            forms[official] = functools.partial(_write_list, name, read)
    folder = next((mirror / f for f in FOLDERS if any((mirror / f).glob("*.jpg"))), None)
    if folder:
        forms[IMAGES] = functools.partial(_pack, folder)
    return forms


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _read_packed(path: Path, name: str) -> bytes:
    with _archives.open_zip(path) as archive:
        return _archives.read_member(archive, _archives.members(archive)[name], path.name)


def _write_list(name: str, read: Callable[[], bytes], target: Path) -> None:
    """Write a list of the site in the official form.

    Args:
        name: Of the site's list.
        read: Reads it.
        target: The file to write.

    Raises:
        ValueError: the list is no text with commas.
    """
    with damage.reading(name, "a list with commas", "Get it again."):
        header, *rows = csv.reader(io.StringIO(read().decode("utf-8-sig")))
        rows = [row for row in rows if row]
        form = attributes if LISTS[name] == ATTRIBUTES else partition
        lines = form(header[1:], rows)
        text = "".join(f"{line}{END}" for line in lines)
    target.write_bytes(text.encode())


def attributes(names: list[str], rows: list[list[str]]) -> Iterable[str]:
    """Give the lines of the official list of attributes.

    The number of pictures; the names, each with a blank after it; then a line per picture: its
    name, its first value, and the others three characters wide.

    Args:
        names: Of the attributes.
        rows: Of each picture its name and its values, as text.
    """
    yield str(len(rows))
    yield "".join(f"{name} " for name in names)
    for picture, first, *others in rows:
        yield f"{picture} {first}" + "".join(f"{value:>3}" for value in others)


def partition(_: list[str], rows: list[list[str]]) -> Iterable[str]:
    """Give the lines of the official list of parts: a picture's name and its part."""
    return (f"{picture} {part}" for picture, part in rows)


def _pack(folder: Path, target: Path) -> None:
    """Pack the pictures of a folder, as they are."""
    # A file may be dated 1970, which an archive cannot say.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
        for path in sorted(folder.glob("*.jpg")):
            if not path.name.startswith("."):
                archive.write(path, f"{FOLDERS[-1]}/{path.name}")
