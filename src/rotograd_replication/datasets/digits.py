"""Two overlapping digits per image and five tasks on them: left, right, sum, parity, active pixels.

Source: the tasks are the paper's (section 6.1). Deviation: its overlay is not published; this is
the geometry of MultiMNIST in github.com/isl-org/MultiObjectiveOptimization: left digit in the top
left corner of a larger canvas, right digit some pixels below and to the right, the brighter pixel
wins, and the canvas is reduced to the digit's size by nearest neighbours. Their pairing is not
seeded; ours is drawn with a fixed generator, within each split.
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

TRAIN = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
TEST = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")


def prepare(
    raw: Path,
    *,
    validation: PositiveInt,
    canvas: PositiveInt,
    offset: NonNegativeInt,
    pairing_seed: NonNegativeInt,
    active_threshold: NonNegativeInt,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split -> (images uint8 `[N, 1, H, W]`, targets float32 `[N, 5]`) from MNIST's four files.

    Args:
        raw: Folder of the archives.
        validation: How many of the last training digits make the validation split.
        canvas: Side, in pixels, of the square on which the digits are laid.
        offset: Pixels by which the right digit lies below and to the right of the left one.
        pairing_seed: Seed of the generator that draws the right digits.
        active_threshold: A pixel is active when its value (0 to 255) is above this.

    Raises:
        ValueError: a file is damaged, or `validation` leaves no training digit.
    """
    images, labels = read_mnist(raw, TRAIN)
    if validation >= len(images):
        raise ValueError(
            f"`validation` must be below the {len(images)} training digits. Found {validation}."
        )
    sources = {
        "train": (images[:-validation], labels[:-validation]),
        "val": (images[-validation:], labels[-validation:]),
        "test": read_mnist(raw, TEST),
    }
    splits = {}
    for stream, (split, (digits, classes)) in enumerate(sources.items()):
        generator = np.random.Generator(np.random.PCG64([pairing_seed, stream]))
        partner = generator.integers(len(digits), size=len(digits))
        composed = overlay(digits, digits[partner], canvas, offset)
        splits[split] = composed, targets(composed, classes, classes[partner], active_threshold)
    return standardise_active(splits)


def read_mnist(raw: Path, names: tuple[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Digits uint8 `[N, 1, H, W]` and their classes `[N]` from one pair of IDX files.

    Raises:
        ValueError: a damaged file, differing counts or a class above 9.
    """
    images, labels = read_idx(raw / names[0], 3), read_idx(raw / names[1], 1)
    if len(images) != len(labels):
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must agree in length. Found {len(images)} images and "
            f"{len(labels)} labels. Fetch both again."
        )
    if labels.max(initial=0) > 9:
        raise ValueError(f"`{names[1]}` must hold digits 0 to 9. Found {labels.max()}.")
    return images[:, None], labels.astype(np.int64)


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """The uint8 array in one gzipped IDX file: magic number, big-endian sizes, then the values.

    Raises:
        ValueError: not gzip, not IDX of bytes with that many dimensions, or of another length.
    """
    try:
        with gzip.open(path) as file:
            content = file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"`{path.name}` must be a whole gzip file. Found: {error}. Fetch it again."
        ) from error
    header = 4 + 4 * dimensions
    if content[:4] != bytes([0, 0, 8, dimensions]) or len(content) < header:
        raise ValueError(
            f"`{path.name}` must be an IDX file of bytes in {dimensions} dimensions. "
            f"Found the first bytes {content[:4].hex() or 'of an empty file'}. Fetch it again."
        )
    shape = [int(size) for size in np.frombuffer(content, ">u4", dimensions, offset=4)]
    if len(content) - header != math.prod(shape):
        raise ValueError(
            f"`{path.name}` must hold {math.prod(shape)} values, as its header says. "
            f"Found {len(content) - header}. Fetch it again."
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def overlay(left: np.ndarray, right: np.ndarray, canvas: int, offset: int) -> np.ndarray:
    """`left` in the corner of a canvas, `right` moved by `offset`; reduced to their `[N, C, H, W]`.

    Raises:
        ValueError: the right digit does not fit on the canvas.
    """
    count, channels, height, width = left.shape
    if canvas < max(height, width) + offset:
        raise ValueError(
            f"`canvas` must be at least the digit's {max(height, width)} pixels and `offset`, "
            f"{offset}. Found {canvas}."
        )
    board = np.zeros((count, channels, canvas, canvas), left.dtype)
    board[..., :height, :width] = left
    place = board[..., offset : offset + height, offset : offset + width]
    np.maximum(place, right, out=place)
    rows, columns = nearest(canvas, height), nearest(canvas, width)
    return np.ascontiguousarray(board[..., rows[:, None], columns])


def nearest(source: int, target: int) -> np.ndarray:
    """For each of `target` pixels, the one of `source` pixels that holds its centre."""
    return ((2 * np.arange(target) + 1) * source) // (2 * target)


def targets(images: np.ndarray, left: np.ndarray, right: np.ndarray, threshold: int) -> np.ndarray:
    """Float32 `[N, 5]`: left, right, sum, parity of the product (1 = odd), active pixels."""
    active = (images.max(axis=1) > threshold).sum(axis=(1, 2))
    return np.stack([left, right, left + right, left * right % 2, active], 1).astype(np.float32)


def standardise_active(
    splits: dict[str, tuple[np.ndarray, np.ndarray]],
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The last target, in units of the training split's standard deviation around its mean.

    Deviation: the paper gives no unit for the active pixels. A raw count of about 100 would give
    that task a loss thousands of times the others'.
    """
    active = splits["train"][1][:, -1].astype(np.float64)
    mean, deviation = active.mean(), active.std() or 1.0
    for _, columns in splits.values():
        columns[:, -1] = (columns[:, -1] - mean) / deviation
    return splits
