"""House numbers in SVHN's own two files: the same names, MATLAB arrays `X` and `y`, 10 for 0.

Each picture is cut from a painted wall: a ground of plaster, boards, bricks or a plate, a
digit of contrasting paint with its shadow, often pieces of its neighbours at the sides, then uneven
light, a little blur and noise. They are drawn, not photographed: results on them check the
machinery, not the paper.
"""

import io
from pathlib import Path

import numpy as np
from pydantic import NonNegativeInt, PositiveInt
from scipy.io import savemat

from .cifar10 import colour
from .mnist import distance_to_strokes, place_strokes

SIDE = 32
# In place of scipy's header, which holds the time of writing; the format gives it 116 bytes.
HEADER = b"MATLAB 5.0 MAT-file, generated stand-in for SVHN".ljust(116)
PIXELS = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="xy"), -1) + 0.5


def write(folder: Path, *, seed: NonNegativeInt, train: PositiveInt, test: PositiveInt) -> None:
    """Write both files into `folder`; the same arguments give the same bytes.

    Args:
        folder: An existing folder.
        seed: Seed of the generator.
        train: How many training digits.
        test: How many test digits.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    for name, count in (("train", train), ("test", test)):
        digits = generator.integers(10, size=count)
        images = np.stack([draw(int(digit), generator) for digit in digits])
        labels = np.where(digits == 0, 10, digits).astype(np.uint8)[:, None]
        write_mat(folder / f"{name}_32x32.mat", images.transpose(2, 3, 1, 0), labels)


def write_mat(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write `X` and `y` as a compressed MATLAB file whose bytes hold no time."""
    buffer = io.BytesIO()
    savemat(buffer, {"X": images, "y": labels}, do_compression=True)
    path.write_bytes(HEADER + buffer.getvalue()[len(HEADER) :])


def draw(digit: int, generator: np.random.Generator) -> np.ndarray:
    """Draw one picture, uint8 `[3, 32, 32]`, of a digit in the middle."""
    image, brightness = wall(generator)
    dark = brightness > 0.5
    paint = colour(
        generator.uniform(),
        generator.uniform(0, 0.4),
        brightness + (-1 if dark else 1) * generator.uniform(0.3, 0.5),
    )
    size = np.array([11.0, 21.0]) * generator.uniform(0.8, 1.1, 2)
    radius = generator.uniform(1.0, 2.0)
    slant, turn = generator.uniform(-0.15, 0.15, 2)
    affine = np.array([[np.cos(turn), -np.sin(turn) - slant], [np.sin(turn), np.cos(turn)]])
    middle = SIDE / 2 + generator.uniform(-1.5, 1.5, 2)
    step = affine @ [size[0] + generator.uniform(4, 7), 0]
    parts = [place_strokes(digit, size, affine, middle, generator)]
    for side in (-1, 1):
        if generator.uniform() < 0.5:
            other, centre = int(generator.integers(10)), middle + side * step
            parts.append(place_strokes(other, size, affine, centre, generator))
    starts, ends = (np.concatenate(points) for points in zip(*parts, strict=True))
    shadow = generator.uniform(0, 1.5, 2)
    for move, layer in ((shadow, image * 0.75), (np.zeros(2), paint[:, None, None])):
        distance = distance_to_strokes(PIXELS - move, starts, ends)
        ink = np.clip(radius + 0.5 - distance, 0, 1)
        image = image * (1 - ink) + layer * ink
    return photograph(image, generator)


def wall(generator: np.random.Generator) -> tuple[np.ndarray, float]:
    """Draw a ground, `[3, 32, 32]`, and its brightness: plaster, boards, bricks or a plate."""
    hue, brightness = generator.uniform(), generator.uniform(0.2, 0.85)
    shade = np.ones((SIDE, SIDE))
    course, seam = generator.integers(6, 10), generator.integers(10)
    y, x = np.mgrid[:SIDE, :SIDE] + seam
    kind = generator.integers(3)
    if kind:  # joints between boards, and between bricks
        shade[y % course == 0] = 0.75
    if kind == 2:
        shade[(x + (y // course % 2) * course) % (2 * course) == 0] = 0.75
    ground = colour(hue, generator.uniform(0, 0.4), brightness)[:, None, None] * shade
    if generator.uniform() < 0.35:
        brightness = generator.uniform(0.2, 0.85)
        top, left, bottom, right = generator.integers(0, 4, 4)
        plate = colour(generator.uniform(), generator.uniform(0, 0.3), brightness)
        ground[:, top : SIDE - bottom, left : SIDE - right] = plate[:, None, None]
    return ground, brightness


def photograph(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Give the bytes of a picture in `[0, 1]` under uneven light, blurred a little and noisy."""
    slope = generator.normal(0, 0.25, 2)
    axis = np.arange(SIDE) / SIDE - 0.5
    image = image * (1 + slope[0] * axis[None] + slope[1] * axis[:, None])
    weight = generator.uniform(0.05, 0.25)
    for direction in (1, 2):
        ends = np.pad(image, [(1, 1) if a == direction else (0, 0) for a in range(3)], mode="edge")
        before, after = (np.take(ends, range(i, i + SIDE), direction) for i in (0, 2))
        image = (1 - 2 * weight) * image + weight * (before + after)
    image = image + generator.normal(0, 0.02, image.shape)
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)
