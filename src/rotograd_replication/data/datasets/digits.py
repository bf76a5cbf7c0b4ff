"""Two digits per image and five tasks on them: left, right, sum, parity, active pixels.

Source: the tasks are the paper's (section 6.1), for MNIST and SVHN. Deviation: its overlay is not
published; this is the geometry of MultiMNIST in github.com/isl-org/MultiObjectiveOptimization: left
digit in the top left corner of a larger canvas, right digit some pixels below and to the right, the
brighter pixel wins, and the canvas is reduced to the digit's size by nearest neighbours. Their
pairing is not seeded; ours is drawn with a fixed generator, within each split.

Photos have no black ground: the brighter pixel of two of them shows neither, so SVHN's canvas and
offset lay them side by side, and no pixels compete.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from . import _mnist, _svhn

# How the original archives are read: raw folder, `train` or `test` -> images and classes.
READERS = {"mnist": _mnist.read, "svhn": _svhn.read}


def prepare(
    raw: Path,
    *,
    validation: PositiveInt,
    canvas: PositiveInt | list[PositiveInt],
    offset: NonNegativeInt | list[NonNegativeInt],
    pairing_seed: NonNegativeInt,
    active_threshold: NonNegativeInt,
    archives: Literal["mnist", "svhn"] = "mnist",
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Give split -> (images uint8 `[N, C, H, W]`, targets float32 `[N, 5]`).

    Args:
        raw: Folder of the archives.
        validation: How many of the last training digits make the validation split.
        canvas: Side, in pixels, of the square on which the digits are laid, or its height and
            width.
        offset: Pixels by which the right digit is below and to the right of the left one, or
            both numbers.
        pairing_seed: Seed of the generator that draws the right digits.
        active_threshold: A pixel is active when its brightest channel (0 to 255) is above this.
        archives: Whose files are in the folder.

    Raises:
        ValueError: a file is damaged, `validation` leaves no training digit, or the digits do not
            fit on the canvas.
    """
    read = READERS[archives]
    board, shift = pair("canvas", canvas), pair("offset", offset)
    images, labels = read(raw, "train")
    if validation >= len(images):
        raise ValueError(
            f"`validation` must be below the {len(images)} training digits. Found {validation}."
        )
    sources = {
        "train": (images[:-validation], labels[:-validation]),
        "val": (images[-validation:], labels[-validation:]),
        "test": read(raw, "test"),
    }
    splits = {}
    for stream, (split, (digits, classes)) in enumerate(sources.items()):
        generator = np.random.Generator(np.random.PCG64([pairing_seed, stream]))
        partner = generator.integers(len(digits), size=len(digits))
        composed = overlay(digits, digits[partner], board, shift)
        splits[split] = composed, targets(composed, classes, classes[partner], active_threshold)
    return standardise_active(splits)


def pair(name: str, value: int | list[int]) -> tuple[int, int]:
    """Read one number for both directions, or two: down, then to the right.

    Raises:
        ValueError: neither one number nor two.
    """
    numbers = [value, value] if isinstance(value, int) else value
    if len(numbers) != 2:
        raise ValueError(
            f"`{name}` must be one number, or two: down and to the right. Found {numbers}."
        )
    return numbers[0], numbers[1]


def overlay(
    left: np.ndarray, right: np.ndarray, canvas: tuple[int, int], offset: tuple[int, int]
) -> np.ndarray:
    """`left` in the corner of a canvas, `right` moved by `offset`; reduced to their `[N, C, H, W]`.

    Raises:
        ValueError: the right digit does not fit on the canvas.
    """
    count, channels, height, width = left.shape
    down, across = offset
    if canvas[0] < height + down or canvas[1] < width + across:
        raise ValueError(
            f"`canvas` must be at least the digit's {height} x {width} pixels and `offset`, "
            f"{down} x {across}. Found {canvas[0]} x {canvas[1]}."
        )
    board = np.zeros((count, channels, *canvas), left.dtype)
    board[..., :height, :width] = left
    place = board[..., down : down + height, across : across + width]
    np.maximum(place, right, out=place)
    rows, columns = nearest(canvas[0], height), nearest(canvas[1], width)
    return np.ascontiguousarray(board[..., rows[:, None], columns])


def nearest(source: int, target: int) -> np.ndarray:
    """Find for each of `target` pixels the one of `source` pixels that holds its centre."""
    return ((2 * np.arange(target) + 1) * source) // (2 * target)


def targets(images: np.ndarray, left: np.ndarray, right: np.ndarray, threshold: int) -> np.ndarray:
    """Give float32 `[N, 5]`: left, right, sum, parity of the product (1 = odd), active pixels."""
    active = (images.max(axis=1) > threshold).sum(axis=(1, 2))
    return np.stack([left, right, left + right, left * right % 2, active], 1).astype(np.float32)


def standardise_active(
    splits: dict[str, tuple[np.ndarray, np.ndarray]],
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Scale the last target to units of the training split's standard deviation around its mean.

    Deviation: the paper gives no unit for the active pixels. A raw count of about 100 would give
    that task a loss thousands of times the others'.
    """
    active = splits["train"][1][:, -1].astype(np.float64)
    mean, deviation = active.mean(), active.std() or 1.0
    for _, columns in splits.values():
        columns[:, -1] = (columns[:, -1] - mean) / deviation
    return splits
