"""Furnished rooms in the official labelled file of NYUv2: the same name, arrays and layout.

The rooms are those of the stand-in for MTAN's archive. The file is a MATLAB file of version 7.3
with the arrays that are read: pictures as bytes, the numbers of the 894 names as labels, and
measured depths, which have the gaps, the noise and the steps of a Kinect. Results on them check the
machinery, not the paper.
"""

from pathlib import Path

import h5py
import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from ..datasets.nyuv2_official import ARCHIVE, read_classes
from .nyuv2 import draw

# The first bytes of the file, which are before the HDF5 part.
HEADER = b"MATLAB 7.3 MAT-file, generated stand-in".ljust(124) + b"\x00\x02IM"
USER_BLOCK = 512
# A Kinect measures disparity in steps of an eighth of a pixel. In inverse metres, with about its
# focal length of 580 pixels and its baseline of 7.5 cm: a choice, not a calibration.
STEPS = 1 / (8 * 580 * 0.075)
# The deviation of the disparity, in steps.
NOISE = 0.5


def write(
    folder: Path,
    *,
    seed: NonNegativeInt,
    train: PositiveInt,
    test: PositiveInt,
    height: PositiveInt = 48,
    width: PositiveInt = 64,
) -> None:
    """Write `nyu_depth_v2_labeled.mat` into `folder`; the same arguments give the same bytes.

    Args:
        folder: An existing folder.
        seed: Seed of the generator.
        train: Rooms for training, validation included; they are the first.
        test: Rooms for the test; they are the last.
        height: Of the pictures, in pixels.
        width: Of the pictures, in pixels.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    labels_of = [np.flatnonzero(read_classes() == c) for c in range(-1, 13)]
    path, scenes = folder / ARCHIVE, train + test
    # Times of creation are not kept: the bytes do not depend on the clock.
    with h5py.File(path, "w", userblock_size=USER_BLOCK, track_order=False) as file:
        shapes = {
            "images": ((3, width, height), np.uint8),
            "labels": ((width, height), np.uint16),
            "rawDepths": ((width, height), np.float32),
        }
        arrays = {
            name: file.create_dataset(
                name, (scenes, *shape), kind, chunks=(1, *shape), compression="gzip"
            )
            for name, (shape, kind) in shapes.items()
        }
        for i in range(scenes):
            room = draw(generator, height, width)
            arrays["images"][i] = np.rint(room["image"] * 255).astype(np.uint8).T
            # Each class is seen under the first of its names and, in every other room, its last.
            label = np.array([names[-(i % 2)] for names in labels_of], np.uint16)
            arrays["labels"][i] = label[room["label"] + 1].T
            arrays["rawDepths"][i] = measure(room["depth"][..., 0], generator).T
    with open(path, "r+b") as file:
        file.write(HEADER)


def measure(depth: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Give depths as a Kinect measures them: noise and whole steps in inverse depth; 0 stays."""
    seen = depth > 0
    inverse = 1 / depth[seen]
    steps = np.rint(inverse / STEPS + generator.normal(0, NOISE, inverse.shape))
    measured = np.zeros(depth.shape, np.float32)
    measured[seen] = 1 / (np.maximum(steps, 1) * STEPS)
    return measured
