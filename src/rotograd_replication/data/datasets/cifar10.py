"""CIFAR-10 as ten binary tasks, one per class.

Source: the paper, section 6.2 (one task per class, binary cross-entropy). The archive is the
binary version of https://www.cs.toronto.edu/~kriz/cifar.html: it holds no pickles.
"""

from pathlib import Path

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from . import _archives

ARCHIVE = "cifar-10-binary.tar.gz"
BATCHES = [f"data_batch_{i}.bin" for i in range(1, 6)]
TEST = "test_batch.bin"
CLASSES = 10
SHAPE = (3, 32, 32)


def prepare(
    raw: Path, *, validation: PositiveInt, validation_seed: NonNegativeInt
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split -> (images uint8 `[N, 3, 32, 32]`, targets float32 `[N, 10]`, one column per class).

    Args:
        raw: Folder of the archive.
        validation: Size of the validation split, taken from the training images.
        validation_seed: Seed of the permutation whose last images are the validation split.

    Raises:
        ValueError: the archive is damaged, or `validation` leaves no training image.
    """
    files = read_members(raw / ARCHIVE, [*BATCHES, TEST])
    parts = [records(files[name], name) for name in BATCHES]
    images, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    if validation >= len(images):
        raise ValueError(
            f"`validation` must be below the {len(images)} training images. Found {validation}."
        )
    generator = np.random.Generator(np.random.PCG64(validation_seed))
    order = generator.permutation(len(images))
    # Sorted, so that the splits keep the order of the archive.
    train, val = np.sort(order[:-validation]), np.sort(order[-validation:])
    test_images, test_labels = records(files[TEST], TEST)
    return {
        "train": (images[train], one_hot(labels[train])),
        "val": (images[val], one_hot(labels[val])),
        "test": (test_images, one_hot(test_labels)),
    }


def read_members(path: Path, names: list[str]) -> dict[str, bytes]:
    """Read the named files of a tar.gz, by their last name.

    Raises:
        ValueError: the archive is damaged, lacks a file or holds what no archive should.
    """
    contents = {}
    for file, chunks in _archives.files(path):
        name = file.rsplit("/", 1)[-1]
        if name in names:
            contents[name] = b"".join(chunks)
    missing = [name for name in names if name not in contents]
    if missing:
        raise ValueError(
            f"`{path.name}` must hold {', '.join(missing)}. Found none. Fetch it again."
        )
    return contents


def records(content: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read images `[N, 3, 32, 32]` and classes `[N]` of one batch: a class byte, then three planes.

    Raises:
        ValueError: the batch is cut in a record, or holds an unknown class.
    """
    size = 1 + int(np.prod(SHAPE))
    if not content or len(content) % size:
        raise ValueError(
            f"`{name}` must be whole records of {size} bytes. Found {len(content)} bytes. "
            "Fetch its archive again."
        )
    rows = np.frombuffer(content, np.uint8).reshape(-1, size)
    if rows[:, 0].max() >= CLASSES:
        raise ValueError(f"`{name}` must hold classes 0 to 9. Found {rows[:, 0].max()}.")
    return rows[:, 1:].reshape(-1, *SHAPE), rows[:, 0]


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Give float32 `[N, 10]` with a 1 in the column of each image's class."""
    return np.eye(CLASSES, dtype=np.float32)[labels]
