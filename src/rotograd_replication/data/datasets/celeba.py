"""CelebA: faces and forty yes-or-no attributes, one binary task each.

Source: the paper, section 6.3 (the usual splits). The files are those of
https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html: aligned faces of 178 x 218 pixels as JPEG, their
attributes as -1 or 1, and their parts: 0 training, 1 validation, 2 test.

Deviation: the paper gives no image size. The whole picture is squeezed into a square, as public
code for CelebA does (MultiObjectiveOptimization, unitary-scalarization-dmtl: 64 x 64).
"""

import functools
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import PositiveInt

from ...files import damage
from . import _archives, _celeba_forms, _pictures
from ._celeba_forms import ATTRIBUTES, IMAGES, PARTITION

FOLDER = "img_align_celeba"
SIZE = (178, 218)
SPLITS = ("train", "val", "test")
# In the order of the attribute file.
# fmt: off
NAMES = [
    "5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs",
    "Big_Lips", "Big_Nose", "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair", "Bushy_Eyebrows",
    "Chubby", "Double_Chin", "Eyeglasses", "Goatee", "Gray_Hair", "Heavy_Makeup", "High_Cheekbones",
    "Male", "Mouth_Slightly_Open", "Mustache", "Narrow_Eyes", "No_Beard", "Oval_Face", "Pale_Skin",
    "Pointy_Nose", "Receding_Hairline", "Rosy_Cheeks", "Sideburns", "Smiling", "Straight_Hair",
    "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat", "Wearing_Lipstick", "Wearing_Necklace",
    "Wearing_Necktie", "Young",
]
# fmt: on


def prepare(
    raw: Path,
    work: Path,
    *,
    side: PositiveInt,
    crop: list[PositiveInt],
    counts: list[PositiveInt] | None,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Give split -> (images uint8 `[N, 3, side, side]`, memory-mapped; targets float32 `[N, 40]`).

    Args:
        raw: Folder of the archives.
        work: Folder for decoded images, which a later run resumes.
        side: Side of the images, in pixels.
        crop: Width and height, in pixels, of the part around the centre that is kept.
        counts: How many images the three parts must have; None accepts any.

    Raises:
        ValueError: a damaged archive, files that contradict each other, or an impossible crop.
    """
    if len(crop) != 2 or crop[0] > SIZE[0] or crop[1] > SIZE[1]:
        raise ValueError(f"`crop` must be at most {list(SIZE)}, width and height. Found {crop}.")
    names, values = read_attributes(raw / ATTRIBUTES)
    parts = read_partition(raw / PARTITION, names)
    sizes = [int((parts == part).sum()) for part in range(len(SPLITS))]
    if 0 in sizes or (counts is not None and sizes != counts):
        raise ValueError(
            f"`{PARTITION}` must give {counts or 'some'} images for training, validation and test. "
            f"Found {sizes}. Fetch it again."
        )
    decode = functools.partial(_pictures.decode_jpeg, size=SIZE, crop=(crop[0], crop[1]), side=side)
    splits = {}
    with _archives.open_zip(raw / IMAGES) as archive:
        read = functools.partial(read_picture, archive, pictures(archive))
        for part, split in enumerate(SPLITS):
            rows = np.flatnonzero(parts == part)
            own = [names[i] for i in rows]
            images = _pictures.decode_all(
                work / f"{split}.uint8",
                own,
                read,
                decode,
                (3, side, side),
            )
            splits[split] = images, (values[rows] > 0).astype(np.float32)
    return splits


def other_forms(mirror: Path) -> dict[str, Callable[[Path], None]]:
    """Find the archive of a well-known data site, packed or unpacked (see `_celeba_forms`)."""
    return _celeba_forms.find(mirror)


def contents(
    path: Path, name: str, *, counts: list[int] | None, **_: Any
) -> Iterator[_archives.File]:
    """Give every picture of the archive of pictures; see `data/contents.py`.

    Args:
        path: The archive.
        name: Its name.
        counts: As `prepare` has it: their sum is how many pictures there must be.
        **_: The other parameters, which do not change what is read.

    Raises:
        ValueError: the archive is damaged or holds another number of pictures.
    """
    with _archives.open_zip(path, name) as archive:
        members = pictures(archive)
        if counts is not None and len(members) != sum(counts):
            raise ValueError(
                f"`{name}` must hold {sum(counts)} pictures. Found {len(members)}. Get it again."
            )
        for picture in sorted(members):
            content = _archives.read_member(archive, members[picture], name)
            yield f"{FOLDER}/{picture}", iter([content])


def pictures(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Give the pictures of an archive by name, in whatever folder they are.

    Raises:
        ValueError: two pictures have one name.
    """
    members = {n: m for n, m in _archives.members(archive).items() if n.endswith(".jpg")}
    by_name = {name.rsplit("/", 1)[-1]: member for name, member in members.items()}
    if len(by_name) < len(members):
        raise ValueError(
            f"`{IMAGES}` must hold every picture once. Found {len(members)} pictures of "
            f"{len(by_name)} names."
        )
    return by_name


def read_picture(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str) -> bytes:
    """Read the bytes of one picture.

    Raises:
        ValueError: the archive does not hold it, or is damaged.
    """
    if name not in members:
        raise ValueError(f"`{IMAGES}` must hold `{name}`. Found none. Fetch it again.")
    return _archives.read_member(archive, members[name], IMAGES)


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file.

    Raises:
        ValueError: it is no text.
    """
    content = path.read_bytes()
    with damage.reading(path.name, "text"):
        return content.decode("utf-8").splitlines()


def read_attributes(path: Path) -> tuple[list[str], np.ndarray]:
    """Read the pictures' names and their attributes, int8 `[N, 40]` of -1 and 1.

    The file: the number of pictures, the names of the attributes, then a line per picture.

    Raises:
        ValueError: other attributes, a missing row, a short row, or another value.
    """
    lines = read_lines(path)
    count, header = lines[0].strip() if lines else "", lines[1].split() if len(lines) > 1 else []
    if header != NAMES:
        raise ValueError(
            f"`{path.name}` must name CelebA's 40 attributes in its second line. "
            f"Found {len(header)} names: {' '.join(header)[:60]!r}. Fetch it again."
        )
    rows = lines[2:]
    if count != str(len(rows)):
        raise ValueError(
            f"`{path.name}` must have as many rows as its first line says, {count!r}. "
            f"Found {len(rows)}. Fetch it again."
        )
    names, values = [], np.empty((len(rows), len(NAMES)), np.int8)
    for i, row in enumerate(rows):
        name, *numbers = row.split() or [""]
        if len(numbers) != len(NAMES) or not {"-1", "1"}.issuperset(numbers):
            raise ValueError(
                f"`{path.name}`, line {i + 3}: a row must be a name and 40 values, -1 or 1. "
                f"Found {row[:60]!r}, {len(numbers)} values. Fetch it again."
            )
        names.append(name)
        values[i] = numbers
    return names, values


def read_partition(path: Path, names: list[str]) -> np.ndarray:
    """Read the part of every picture, int8 `[N]`: 0 training, 1 validation, 2 test.

    Args:
        path: The file: a line `name part` per picture.
        names: The pictures that must be in it, in order.

    Raises:
        ValueError: another length, another order, or an unknown part.
    """
    rows = read_lines(path)
    if len(rows) != len(names):
        raise ValueError(
            f"`{path.name}` must have a row for each of the {len(names)} of `{ATTRIBUTES}`. "
            f"Found {len(rows)}. Fetch both again."
        )
    parts = np.empty(len(rows), np.int8)
    for i, (row, name) in enumerate(zip(rows, names, strict=True)):
        fields = row.split()
        if len(fields) != 2 or fields[0] != name or fields[1] not in ("0", "1", "2"):
            raise ValueError(
                f"`{path.name}`, line {i + 1}: must be `{name}` and its part, 0, 1 or 2. "
                f"Found {row!r}. Fetch it again."
            )
        parts[i] = fields[1]
    return parts
