"""Coloured shapes in CIFAR-10's own archive: the same name, the same binary records.

Each class is a shape (a disc, a square, ...) that prefers a hue. Place, size, turn, hue,
brightness, background and noise vary, and hues of neighbouring classes overlap, so that neither
colour nor shape alone settles a class. The class names are CIFAR-10's because the format has them;
the pictures are shapes. Results on them check the machinery, not the paper.
"""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

SIDE = 32
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
BATCHES = 5
Mask = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _disc(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u**2 + v**2 < 1


def _square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(abs(u), abs(v)) < 0.85


# In the order of the classes: does the point (u, v), v down, belong to the shape? Radius about 1.
SHAPES: dict[str, Mask] = {
    "cross": lambda u, v: _square(u, v) & (np.minimum(abs(u), abs(v)) < 0.28),
    "square": _square,
    "triangle": lambda u, v: (v < 0.7) & (abs(u) < (v + 1) * 0.55),
    "disc": _disc,
    "ring": lambda u, v: _disc(u, v) & (u**2 + v**2 > 0.36),
    "stripes": lambda u, v: _square(u, v) & (np.floor(v * 3) % 2 == 0),
    "checkers": lambda u, v: _square(u, v) & ((np.floor(u * 1.8) + np.floor(v * 1.8)) % 2 == 0),
    "crescent": lambda u, v: _disc(u, v) & ((u - 0.55) ** 2 + v**2 > 0.7),
    "half disc": lambda u, v: _disc(u, v) & (v > 0),
    "two bars": lambda u, v: _square(u, v) & (abs(u) > 0.4),
}


def write(folder: Path, *, seed: NonNegativeInt, train: PositiveInt, test: PositiveInt) -> None:
    """Write `cifar-10-binary.tar.gz` into `folder`; the same arguments give the same bytes.

    Args:
        folder: An existing folder.
        seed: Seed of the generator.
        train: How many training images, over five batches; at least five.
        test: How many test images.

    Raises:
        ValueError: too few training images for the five batches of the format.
    """
    if train < BATCHES:
        raise ValueError(f"`train` must be at least {BATCHES}, one image a batch. Found {train}.")
    generator = np.random.Generator(np.random.PCG64(seed))
    batches = np.array_split(records(train, generator), BATCHES)
    files = {f"data_batch_{i}.bin": batch.tobytes() for i, batch in enumerate(batches, 1)}
    files["test_batch.bin"] = records(test, generator).tobytes()
    files["batches.meta.txt"] = ("\n".join(CLASSES) + "\n\n").encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    packed = gzip.compress(buffer.getvalue(), 6, mtime=0)
    (folder / "cifar-10-binary.tar.gz").write_bytes(packed)


def records(count: int, generator: np.random.Generator) -> np.ndarray:
    """Draw uint8 `[count, 3073]`: a class, then the red, green and blue planes."""
    rows = np.empty((count, 1 + 3 * SIDE * SIDE), np.uint8)
    rows[:, 0] = generator.integers(len(CLASSES), size=count)
    for row in rows:
        row[1:] = draw(int(row[0]), generator).ravel()
    return rows


def draw(label: int, generator: np.random.Generator) -> np.ndarray:
    """Draw one image, uint8 `[3, 32, 32]`, of the shape of class `label`."""
    axis = np.arange(SIDE) + 0.5
    centre = SIDE / 2 + generator.uniform(-4, 4, 2)
    radius, turn = generator.uniform(8, 13), generator.uniform(-0.35, 0.35)
    x, y = (axis[None] - centre[0]) / radius, (axis[:, None] - centre[1]) / radius
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    inside = list(SHAPES.values())[label](u, v)
    hue = label / len(CLASSES) + generator.normal(0, 0.04)
    ink = colour(hue, generator.uniform(0.6, 0.95), generator.uniform(0.65, 1))
    ground = colour(generator.uniform(), generator.uniform(0, 0.35), generator.uniform(0.15, 0.7))
    slope = generator.normal(0, 0.15, 2)
    shade = 1 + slope[0] * (axis[None] / SIDE - 0.5) + slope[1] * (axis[:, None] / SIDE - 0.5)
    image = np.where(inside, ink[:, None, None], ground[:, None, None]) * shade
    image += generator.normal(0, 0.05, image.shape)
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)


def colour(hue: float, saturation: float, brightness: float) -> np.ndarray:
    """Give red, green and blue in `[0, 1]` of a hue on the circle `[0, 1)`."""
    distance = abs((hue - np.array([0, 1 / 3, 2 / 3]) + 0.5) % 1 - 0.5)
    return brightness * (1 - saturation * np.clip(distance * 6 - 1, 0, 1))
