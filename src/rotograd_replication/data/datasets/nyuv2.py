"""NYUv2 as MTAN prepared it: 13-class segmentation, depth, surface normals.

Source: https://github.com/lorenmt/mtan; a zip of `{train,val}/{image,label,depth,normal}/<i>.npy`,
each an array `[H, W]` or `[H, W, C]`: images in `[0, 1]`, labels -1 (ignored) to 12, depths in
metres (0: none measured), unit normals (the zero vector: none). Its `val` is the test split, as in
MTAN's own runs; the validation split is carved from `train`.
"""

import functools
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from ...files import damage
from . import _archives, _scenes

ARCHIVE = "nyuv2.zip"
CLASSES = 13
# Folder -> channels of its arrays; 0 where there is no channel axis.
FOLDERS = {"image": 3, "label": 0, "depth": 1, "normal": 3}
# Folder -> smallest and largest legal value.
RANGES = {"image": (0, 1), "label": (-1, CLASSES - 1), "depth": (0, 1000), "normal": (-1.01, 1.01)}
REMEDY = "Fetch it again."


def prepare(
    raw: Path,
    work: Path,
    *,
    train: PositiveInt,
    test: PositiveInt,
    height: PositiveInt,
    width: PositiveInt,
    validation: PositiveInt,
    validation_seed: NonNegativeInt,
    images: Literal["uint8", "float16"],
    targets: Literal["float16", "float32"],
    standardised: bool,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Give split -> (images `[N, 3, H, W]`, targets `[N, 5, H, W]`), both memory-mapped.

    Args:
        raw: Folder of the archive.
        work: Folder for the splits so far, which a later run resumes.
        train: Samples that `train` must hold, validation included.
        test: Samples that `val` must hold.
        height: H of every array, in pixels.
        width: W of every array, in pixels.
        validation: Size of the validation split, taken from `train`.
        validation_seed: Seed of the permutation whose last samples are the validation split.
        images: Type of the images; uint8 are in 0..255, float16 in `[0, 1]`.
        targets: Type of the targets.
        standardised: Whether the loader scales the images (see `data/prepare.py`, which reads it).

    Raises:
        ValueError: the archive is damaged or holds something else, or `validation` leaves no
            training sample.
    """
    training, validating = _scenes.carve(train, validation, validation_seed)
    splits = {
        "train": ("train", training),
        "val": ("train", validating),
        "test": ("val", np.arange(test)),
    }
    size = height, width
    with _archives.open_zip(raw / ARCHIVE) as archive:
        members = index(archive, {"train": train, "val": test})
        result = {}
        for split, (folder, samples) in splits.items():
            read = functools.partial(read_scene, archive, members, size, folder)
            result[split] = _scenes.write(work / split, read, samples, size, images, targets)
    return result


def contents(
    path: Path,
    name: str,
    *,
    train: int,
    test: int,
    height: int,
    width: int,
    **_: Any,
) -> Iterator[_archives.File]:
    """Give every array of the archive as `<split>/<kind>/<i>.npy`, each as `prepare` needs it.

    Args:
        path: The archive.
        name: Its name.
        train: As `prepare` has it.
        test: As `prepare` has it.
        height: As `prepare` has it.
        width: As `prepare` has it.
        **_: The other parameters, which do not change what is read.

    Raises:
        ValueError: the archive is damaged or holds something else.
    """
    with _archives.open_zip(path, name) as archive:
        for place, member in index(archive, {"train": train, "val": test}).items():
            content = _archives.read_member(archive, member, name)
            read_array(content, place, (height, width))
            yield place, iter([content])


def index(archive: zipfile.ZipFile, counts: dict[str, int]) -> dict[str, zipfile.ZipInfo]:
    """Find the samples, wherever in the archive their folders are.

    Args:
        archive: The archive.
        counts: How many samples each of its two splits must hold.

    Returns:
        Place such as `train/depth/3.npy` -> member. Files that are no part of a sample are left
        out.

    Raises:
        ValueError: a sample is missing or there twice, or there are more than `counts` says.
    """
    held: dict[str, zipfile.ZipInfo] = {}
    twice = []
    for name, member in _archives.members(archive).items():
        split, kind, file = ["", "", *name.split("/")][-3:]
        number = file.removesuffix(".npy")
        if split in counts and kind in FOLDERS and number.isdecimal() and number != file:
            place = f"{split}/{kind}/{file}"
            twice += [place] if place in held else []
            held[place] = member
    expected = [
        f"{split}/{folder}/{i}.npy"
        for split, count in counts.items()
        for folder in FOLDERS
        for i in range(count)
    ]
    missing, other = sorted(set(expected) - held.keys()), sorted(held.keys() - set(expected))
    faults = {"no {}": missing, "also {}": other, "twice {}": twice}
    if fault := next((text for text, places in faults.items() if places), None):
        sizes = " and ".join(f"{count} samples in {split}" for split, count in counts.items())
        places = faults[fault]
        raise ValueError(
            f"`{ARCHIVE}` must hold {sizes}, each once with {', '.join(FOLDERS)}. "
            f"Found {fault.format(places[0])}{_more(len(places))}. "
            "Fetch it again, or set `train` and `test` to its counts."
        )
    return {place: held[place] for place in expected}


def _more(count: int) -> str:
    """Say what follows the first of `count` things."""
    return f" and {count - 1} more" if count > 1 else ""


def read_scene(
    archive: zipfile.ZipFile,
    members: dict[str, zipfile.ZipInfo],
    size: tuple[int, int],
    folder: str,
    number: int,
) -> _scenes.Scene:
    """Read one sample.

    Args:
        archive: The archive.
        members: What `index` gives of it.
        size: H and W of every array.
        folder: `train` or `val`.
        number: Of the sample.

    Raises:
        ValueError: an array is damaged, of another shape or has an illegal value.
    """
    arrays = {}
    for kind in FOLDERS:
        place = f"{folder}/{kind}/{number}.npy"
        content = _archives.read_member(archive, members[place], ARCHIVE)
        arrays[kind] = read_array(content, place, size)
    return _scenes.Scene(**arrays | {"depth": arrays["depth"][..., 0]})


def read_array(content: bytes, place: str, size: tuple[int, int]) -> np.ndarray:
    """Read one array, of the right shape and in the legal range of its kind.

    Args:
        content: Of its file.
        place: Of its file, as `<split>/<kind>/<i>.npy`.
        size: H and W that it must have.

    Raises:
        ValueError: truncated, of another shape, or with an illegal value.
    """
    kind = place.split("/")[-2]
    name = f"{ARCHIVE}: {place}"
    with damage.reading(name, "a whole .npy file", REMEDY):
        file = io.BytesIO(content)
        array = np.lib.format.read_array(file, allow_pickle=False)
        rest = len(file.read(1))
    if array.dtype.kind not in "biuf":
        raise ValueError(f"`{name}` must hold numbers. Found {array.dtype}. {REMEDY}")
    shape = (*size, FOLDERS[kind]) if FOLDERS[kind] else size
    if array.shape != shape or rest:
        found = "bytes after its end" if rest else f"{list(array.shape)}"
        raise ValueError(f"`{name}` must be of shape {list(shape)}. Found {found}. {REMEDY}")
    low, high = RANGES[kind]
    illegal = ~((array >= low) & (array <= high))  # NaN too
    if kind == "label":
        illegal |= array != np.rint(array)
    if illegal.any():
        sort = "whole numbers" if kind == "label" else "numbers"
        raise ValueError(
            f"`{name}` must hold {sort} from {low} to {high}. "
            f"Found {array[illegal][0]}{_more(int(illegal.sum()))}. {REMEDY}"
        )
    return array
