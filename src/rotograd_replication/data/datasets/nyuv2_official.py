"""NYUv2 from its official labelled file, prepared by this project: MTAN's preparation is lost.

Source: https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html. The file is a MATLAB file of
version 7.3 (HDF5) of 1,449 scenes: `images` `[N, 3, W, H]` bytes, `labels` `[N, W, H]` from 0
(none) to 894, `rawDepths` `[N, W, H]` in metres. It has no normals and no split.

- Split: the official one, 795 training and 654 test scenes (`splits.mat`; `_nyuv2_split.csv`).
- Classes: the 894 names of labels to the usual 40 (Gupta et al., CVPR 2013) to MTAN's 13 (Couprie
  et al., ICLR 2013): `_nyuv2_classes.csv`, from https://github.com/ankurhanda/nyuv2-meta-data.
- Size: images are averaged (bilinear), labels, depths and normals are those of the nearest pixel.
- Depths: those measured (`rawDepths`), not the file's filled ones: 0 where the sensor saw nothing
  and where it saw nothing nearer than `farthest`.
- Normals: computed from the measured depths at full size, by `_normals`.

Deviation: the paper used MTAN's files. Numbers on this preparation are not those of Table 3.
"""

import csv
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
from PIL import Image
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from ...files import damage
from . import _normals, _scenes

ARCHIVE = "nyu_depth_v2_labeled.mat"
# Array -> its axes after the first; the first is that of the scenes.
ARRAYS = {"images": 3, "labels": 2, "rawDepths": 2}
# In the order of MTAN's classes, which calls a picture a painting.
NAMES = [
    "bed", "books", "ceiling", "chair", "floor", "furniture", "objects", "picture", "sofa",
    "table", "tv", "wall", "window",
]  # fmt: skip
HDF5 = "a whole HDF5 file"
# Bytes of unpacked chunks that HDF5 keeps of each array.
CACHE = 1 << 26
REMEDY = "Fetch it again."


def prepare(
    raw: Path,
    work: Path,
    *,
    split: Literal["official", "in_order"],
    train: PositiveInt,
    test: PositiveInt,
    height: PositiveInt,
    width: PositiveInt,
    camera: list[PositiveFloat],
    farthest: PositiveFloat,
    radius: PositiveInt,
    tolerance: PositiveFloat,
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
        split: `official`, or the first `train` scenes and the `test` after them.
        train: Training scenes that the split must have, validation included.
        test: Test scenes that the split must have.
        height: H, in pixels.
        width: W, in pixels.
        camera: Focal lengths and optical centre of the original pictures, in pixels, as
            `_normals.estimate` takes them.
        farthest: Depths from this one on are not measured, in metres.
        radius: Of the window of a normal, in pixels of the original.
        tolerance: Share of its depth by which a pixel's neighbours on one surface may differ.
        validation: Size of the validation split, taken from the training scenes.
        validation_seed: Seed of the permutation whose last scenes are the validation split.
        images: Type of the images; uint8 are in 0..255, float16 in `[0, 1]`.
        targets: Type of the targets.
        standardised: Whether the loader scales the images (see `data/prepare.py`, which reads it).

    Raises:
        ValueError: the archive is damaged or holds something else, `camera` does not have four
            numbers, or `validation` leaves no training scene.
    """
    if len(camera) != 4:
        raise ValueError(f"`camera` must have 4 numbers. Found {len(camera)}: {camera}.")
    training, validating = _scenes.carve(train, validation, validation_seed)
    trained, tested = read_split(split, train, test)
    samples = {"train": trained[training], "val": trained[validating], "test": tested}
    path = raw / ARCHIVE
    with open(path, "rb"), damage.reading(ARCHIVE, HDF5, REMEDY):
        archive = h5py.File(path, "r", locking=False, rdcc_nbytes=CACHE)
    with archive:
        check(archive, train + test)
        read = functools.partial(
            read_scene,
            archive,
            classes=read_classes(),
            size=(height, width),
            farthest=farthest,
            normals=functools.partial(
                _normals.estimate, camera=camera, radius=radius, tolerance=tolerance
            ),
        )
        return {
            name: _scenes.write(work / name, read, numbers, (height, width), images, targets)
            for name, numbers in samples.items()
        }


def _table(name: str) -> list[dict[str, str]]:
    with open(Path(__file__).with_name(f"_nyuv2_{name}.csv"), newline="") as file:
        return list(csv.DictReader(file))


def read_classes() -> np.ndarray:
    """Give the class of every label, int16 `[895]`: -1 for label 0, which is none."""
    return np.array([-1, *(NAMES.index(row["of_13"]) for row in _table("classes"))], np.int16)


def read_split(split: str, train: int, test: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the training and the test scenes of a split, numbered from 0.

    Args:
        split: `official` or `in_order`.
        train: Training scenes that it must have.
        test: Test scenes that it must have.

    Raises:
        ValueError: the official split has other sizes.
    """
    if split == "in_order":
        return np.arange(train), np.arange(train, train + test)
    parts = np.array([row["split"] for row in _table("split")])
    trained, tested = np.flatnonzero(parts == "train"), np.flatnonzero(parts == "test")
    if (len(trained), len(tested)) != (train, test):
        raise ValueError(
            f"`train` and `test` must be {len(trained)} and {len(tested)}, the official split's. "
            f"Found {train} and {test}."
        )
    return trained, tested


def check(archive: h5py.File, scenes: int) -> None:
    """Refuse a file that lacks an array or has one of another shape or type.

    Args:
        archive: The file.
        scenes: How many it must hold.

    Raises:
        ValueError: names the array.
    """
    shape = None
    for name, axes in ARRAYS.items():
        with damage.reading(f"{ARCHIVE}: {name}", HDF5, REMEDY):
            array = archive.get(name)
        if not isinstance(array, h5py.Dataset):
            raise ValueError(f"`{ARCHIVE}` must hold an array `{name}`. Found none. {REMEDY}")
        shape = shape or (scenes, *array.shape[-2:])
        expected = (scenes, 3, *shape[1:]) if axes == 3 else shape
        kinds = "f" if name == "rawDepths" else "u"
        if array.shape != expected or array.dtype.kind not in kinds:
            sort = "floating-point" if kinds == "f" else "unsigned whole"
            raise ValueError(
                f"`{ARCHIVE}: {name}` must be {sort} numbers of shape {list(expected)}. "
                f"Found {array.dtype} of shape {list(array.shape)}. {REMEDY}"
            )


def read_scene(
    archive: h5py.File,
    number: int,
    *,
    classes: np.ndarray,
    size: tuple[int, int],
    farthest: float,
    normals: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
) -> _scenes.Scene:
    """Read one scene; nothing of the others is read.

    Args:
        archive: The file, as `check` found it sound.
        number: Of the scene, from 0.
        classes: The class of every label.
        size: H and W of the result, in pixels.
        farthest: Depths from this one on are not measured, in metres.
        normals: Depth map, rows and columns -> normals, as `_normals.estimate` gives them.

    Raises:
        ValueError: a part of the file is damaged, or a label is unknown.
    """
    with damage.reading(f"{ARCHIVE}: scene {number + 1}", HDF5, REMEDY):
        image, labels, depths = (np.asarray(archive[name][number]).T for name in ARRAYS)
    if labels.max() >= len(classes):
        raise ValueError(
            f"`{ARCHIVE}: labels` must be from 0 to {len(classes) - 1}. "
            f"Found {labels.max()} in scene {number + 1}. {REMEDY}"
        )
    height, width = size
    small = Image.fromarray(np.ascontiguousarray(image)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    rows, columns = (
        ((np.arange(n) + 0.5) * whole / n).astype(int)
        for n, whole in zip(size, labels.shape, strict=True)
    )
    # False for a depth that is no number, too.
    measured = np.where((depths > 0) & (depths < farthest), depths, 0)
    pixels = np.ix_(rows, columns)
    return _scenes.Scene(
        image=np.asarray(small) / 255,
        label=classes[labels[pixels]],
        depth=measured[pixels],
        normal=normals(measured, rows, columns),
    )
