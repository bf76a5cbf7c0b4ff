"""Decode many compressed pictures into one file of bytes, in parallel and once.

Memory does not grow with their number, and a later run resumes a killed one (`_growing`).
"""

import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ...files import damage
from . import _growing, _workers

# A name, for messages, and the bytes of a file.
File = tuple[str, bytes]
# Pictures decoded between two writes: what a kill may lose.
BATCH = 512
PROCESSES = min(8, max(2, os.cpu_count() or 2))


def decode_all(
    path: Path,
    names: Sequence[str],
    read: Callable[[str], bytes],
    decode: Callable[[File], np.ndarray],
    shape: tuple[int, ...],
) -> np.ndarray:
    """Give every picture as uint8 `[N, *shape]`: a read-only memory map of `path`.

    Args:
        path: Where the decoded bytes are, or what an earlier run left of them.
        names: The pictures' names, in order.
        read: Name -> the bytes of the picture's file; called in this process.
        decode: File -> uint8 of `shape`; called in other processes.
        shape: Of one decoded picture.

    Raises:
        ValueError: what `read` or `decode` raises.
    """
    with _workers.start(PROCESSES, f"Decoding `{path.stem}`", "It takes longer.") as pool:

        def make(rows: slice) -> list[np.ndarray]:
            files = [(name, read(name)) for name in names[rows]]
            each = -(-len(files) // (4 * PROCESSES))  # few messages, and no process waits long
            return [np.stack(list(pool.map(decode, files, chunksize=each)))]

        column = {path: (np.dtype(np.uint8), shape)}
        (pictures,) = _growing.grow(column, len(names), BATCH, make, path.stem)
    return pictures


def decode_jpeg(file: File, size: tuple[int, int], crop: tuple[int, int], side: int) -> np.ndarray:
    """Decode one JPEG to uint8 `[3, side, side]`: its centre, resized by bilinear averaging.

    Args:
        file: The picture.
        size: Width and height it must have, in pixels.
        crop: Width and height of the part around the centre that is kept.
        side: Side of the result, in pixels; another aspect than the crop's squeezes it.

    Raises:
        ValueError: it is no whole JPEG of that size.
    """
    name, content = file
    with (
        damage.reading(name, "a whole JPEG", "Fetch its archive again."),
        Image.open(io.BytesIO(content), formats=["JPEG"]) as image,
    ):
        own = image.size
        picture = image.convert("RGB")
    if own != tuple(size):
        raise ValueError(
            f"`{name}` must be {size[0]} x {size[1]} pixels. Found {own[0]} x {own[1]}. "
            "Fetch its archive again."
        )
    left, top = (size[0] - crop[0]) / 2, (size[1] - crop[1]) / 2
    box = (left, top, left + crop[0], top + crop[1])
    small = picture.resize((side, side), Image.Resampling.BILINEAR, box)
    return np.ascontiguousarray(np.asarray(small).transpose(2, 0, 1))
