"""NYUv2 as MTAN prepared it: 13-class segmentation, depth, surface normals.

Source: https://github.com/lorenmt/mtan; a zip of `{train,val}/{image,label,depth,normal}/<i>.npy`,
each an array `[H, W]` or `[H, W, C]`: images in `[0, 1]`, labels -1 (ignored) to 12, depths in
metres (0: none measured), unit normals (the zero vector: none). Its `val` is the test split, as in
MTAN's own runs; the validation split is carved from `train`.

Targets are one array `[N, 5, H, W]`, channels label, depth, normal x, y, z. In float16 labels and
zeros stay exact, a depth moves by at most 1 part in 2,048 (4 mm at 10 m), a normal's component by
at most 0.00025. Images in uint8 move by at most 1 part in 510.

Splits are written sample by sample into files that a killed run goes on with, and memory maps of
them are returned.
"""

import functools
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from ...files import damage
from . import _growing, _members

ARCHIVE = "nyuv2.zip"
CLASSES = 13
# Folder -> channels of its arrays; 0 where there is no channel axis.
FOLDERS = {"image": 3, "label": 0, "depth": 1, "normal": 3}
TARGETS = 5
# Samples read between two writes: what a kill may lose.
BATCH = 8


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
    """Split -> (images `[N, 3, H, W]`, targets `[N, 5, H, W]`), both memory-mapped.

    Args:
        raw: Folder of the archive.
        work: Folder for the splits so far, which a later run goes on with.
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
    if validation >= train:
        raise ValueError(
            f"`validation` must be below the {train} training samples. Found {validation}."
        )
    order = np.random.Generator(np.random.PCG64(validation_seed)).permutation(train)
    # Sorted, so that the splits keep the order of the archive.
    chosen = {
        "train": ("train", np.sort(order[:-validation])),
        "val": ("train", np.sort(order[-validation:])),
        "test": ("val", np.arange(test)),
    }
    with _members.open_zip(raw / ARCHIVE) as archive:
        members = index(archive.namelist(), {"train": train, "val": test})
        reader = Reader(archive, members, (height, width), np.dtype(images), np.dtype(targets))
        return {
            split: reader.split(work / split, folder, numbers)
            for split, (folder, numbers) in chosen.items()
        }


def index(names: list[str], counts: dict[str, int]) -> dict[str, str]:
    """Place such as `train/depth/3.npy` -> member, wherever in the archive the folders lie.

    Raises:
        ValueError: a sample is missing, or there are more than `counts` says.
    """
    found = {"/".join(name.split("/")[-3:]): name for name in names if name.endswith(".npy")}
    wanted = {
        f"{split}/{folder}/{i}.npy"
        for split, count in counts.items()
        for folder in FOLDERS
        for i in range(count)
    }
    missing, other = sorted(wanted - found.keys()), sorted(found.keys() - wanted)
    if missing or other:
        what = f"no {missing[0]}" if missing else f"also {other[0]}"
        sizes = " and ".join(f"{count} samples in {split}" for split, count in counts.items())
        raise ValueError(
            f"`{ARCHIVE}` must hold {sizes}, each with {', '.join(FOLDERS)}. "
            f"Found {what}{_more(len(missing or other))}. "
            "Fetch it again, or set `train` and `test` to its counts."
        )
    return {place: found[place] for place in wanted}


def _more(count: int) -> str:
    """What follows the first of `count` things found."""
    return f" and {count - 1} more" if count > 1 else ""


class Reader:
    """Reads samples of one archive, refusing what breaks the format."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        members: dict[str, str],
        size: tuple[int, int],
        images: np.dtype,
        targets: np.dtype,
    ) -> None:
        self.archive = archive
        self.members = members
        self.size = size
        self.images = images
        self.targets = targets

    def split(self, place: Path, folder: str, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Images and targets of the numbered samples of `folder`, as `prepare` returns them.

        Args:
            place: Their files are this path with `.images` and `.targets` added.
            folder: Of the archive.
            numbers: Of its samples, in order.
        """
        columns = {
            place.with_suffix(".images"): (self.images, (FOLDERS["image"], *self.size)),
            place.with_suffix(".targets"): (self.targets, (TARGETS, *self.size)),
        }
        make = functools.partial(self.samples, folder, numbers)
        pictures, maps = _growing.grow(columns, len(numbers), BATCH, make, place.name)
        return pictures, maps

    def samples(
        self, folder: str, numbers: np.ndarray, rows: slice
    ) -> tuple[np.ndarray, np.ndarray]:
        """Images and targets of some of the numbered samples of `folder`."""
        chosen = numbers[rows]
        pictures = np.empty((len(chosen), FOLDERS["image"], *self.size), self.images)
        maps = np.empty((len(chosen), TARGETS, *self.size), self.targets)
        for place, number in enumerate(chosen):
            image, label, depth, normal = (
                self.array(f"{folder}/{kind}/{number}.npy", channels)
                for kind, channels in FOLDERS.items()
            )
            scaled = np.rint(image * 255) if self.images == np.uint8 else image
            pictures[place] = scaled.transpose(2, 0, 1)
            maps[place, 0] = label
            maps[place, 1] = depth[..., 0]
            maps[place, 2:] = normal.transpose(2, 0, 1)
        return pictures, maps

    def array(self, place: str, channels: int) -> np.ndarray:
        """One array, of the right shape and in the legal range of its kind.

        Raises:
            ValueError: truncated, of another shape, or with an illegal value.
        """
        name = f"{ARCHIVE}: {place}"
        where = f"`{name}`"
        with (
            damage.reading(name, "a whole .npy file"),
            self.archive.open(self.members[place]) as file,
        ):
            array = np.lib.format.read_array(file, allow_pickle=False)
            rest = len(file.read(1))
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{where} must hold numbers. Found {array.dtype}. Fetch it again.")
        shape = (*self.size, channels) if channels else self.size
        if array.shape != shape or rest:
            found = "bytes after its end" if rest else f"{list(array.shape)}"
            raise ValueError(f"{where} must be of shape {list(shape)}. Found {found}.")
        kind = place.split("/")[-2]
        low, high = {"label": (-1, CLASSES - 1), "depth": (0, 1000), "normal": (-1.01, 1.01)}.get(
            kind, (0, 1)
        )
        illegal = ~((array >= low) & (array <= high))  # NaN too
        if kind == "label":
            illegal |= array != np.rint(array)
        if illegal.any():
            sort = "whole numbers" if kind == "label" else "numbers"
            raise ValueError(
                f"{where} must hold {sort} from {low} to {high}. "
                f"Found {array[illegal][0]}{_more(illegal.sum())}. Fetch it again."
            )
        return array
