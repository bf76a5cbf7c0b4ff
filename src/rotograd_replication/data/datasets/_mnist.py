"""MNIST's own four files: gzipped IDX, whose header http://yann.lecun.com/exdb/mnist describes."""

import gzip
import math
from pathlib import Path

import numpy as np

from ...files import damage

FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


def read(raw: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read digits uint8 `[N, 1, H, W]` and their classes `[N]`; `split` is `train` or `test`.

    Raises:
        ValueError: a damaged file, differing counts or a class above 9.
    """
    names = FILES[split]
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
    """Read the uint8 array of a gzipped IDX file: magic number, big-endian sizes, then the values.

    Raises:
        ValueError: not gzip, not IDX of bytes with that many dimensions, or of another length.
    """
    packed = path.read_bytes()
    with damage.reading(path.name, "a whole gzip file"):
        content = gzip.decompress(packed)
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
