"""Write the images and maps of scenes sample by sample; a later run resumes a killed one.

Targets are one array `[N, 5, H, W]`, channels label, depth, normal x, y, z. In float16 labels and
zeros stay exact, a depth moves by at most 1 part in 2,048 (4 mm at 10 m), a normal's component by
at most 0.00025. Images in uint8 move by at most 1 part in 510.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import _growing

CHANNELS = 3
TARGETS = 5
# Samples read between two writes: what a kill may lose.
BATCH = 8


@dataclass(frozen=True)
class Scene:
    """One sample.

    Attributes:
        image: `[H, W, 3]` in `[0, 1]`.
        label: `[H, W]`, the class from 0; -1 where a pixel has none.
        depth: `[H, W]`, in metres; 0 where none was measured.
        normal: `[H, W, 3]`, unit vectors (x right, y down, z forward); the zero vector where a
            pixel has none.
    """

    image: np.ndarray
    label: np.ndarray
    depth: np.ndarray
    normal: np.ndarray


def carve(train: int, validation: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Carve a validation split out of the training samples.

    Args:
        train: Samples, validation included.
        validation: Size of the validation split.
        seed: Of the permutation whose last samples are the validation split.

    Returns:
        The samples of training and of validation, from 0, in ascending order.

    Raises:
        ValueError: `validation` leaves no training sample.
    """
    if validation >= train:
        raise ValueError(
            f"`validation` must be below the {train} training samples. Found {validation}."
        )
    order = np.random.Generator(np.random.PCG64(seed)).permutation(train)
    return np.sort(order[:-validation]), np.sort(order[-validation:])


def write(
    path: Path,
    read: Callable[[int], Scene],
    samples: np.ndarray,
    size: tuple[int, int],
    images: str,
    targets: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Give images `[N, 3, H, W]` and targets `[N, 5, H, W]`, memory-mapped.

    Args:
        path: Their files are this path with `.images` and `.targets` added; what an earlier run
            left of them is kept.
        read: Reads the sample of a number.
        samples: The numbers of the samples, in order.
        size: H and W, in pixels.
        images: Type of the images; uint8 are in 0..255, float16 in `[0, 1]`.
        targets: Type of the targets.

    Raises:
        ValueError: what `read` raises.
    """
    pixels, maps = np.dtype(images), np.dtype(targets)

    def make(rows: slice) -> tuple[np.ndarray, np.ndarray]:
        count = len(samples[rows])
        x = np.empty((count, CHANNELS, *size), pixels)
        y = np.empty((count, TARGETS, *size), maps)
        for row, sample in enumerate(samples[rows]):
            scene = read(int(sample))
            image = np.rint(scene.image * 255) if pixels == np.uint8 else scene.image
            x[row] = image.transpose(2, 0, 1)
            y[row, 0], y[row, 1] = scene.label, scene.depth
            y[row, 2:] = scene.normal.transpose(2, 0, 1)
        return x, y

    columns = {
        path.with_suffix(".images"): (pixels, (CHANNELS, *size)),
        path.with_suffix(".targets"): (maps, (TARGETS, *size)),
    }
    x, y = _growing.grow(columns, len(samples), BATCH, make, path.name)
    return x, y
