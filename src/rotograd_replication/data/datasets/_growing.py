"""Grow arrays larger than memory on the disk row by row; a later run resumes a killed one.

Rows are appended in order, so the files' lengths say what is done; part of a row is cut off.
"""

import contextlib
import errno
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tqdm

from ...files import safety


def grow(
    columns: Mapping[Path, tuple[np.dtype, tuple[int, ...]]],
    count: int,
    batch: int,
    make: Callable[[slice], Sequence[np.ndarray]],
    name: str,
) -> list[np.ndarray]:
    """Give each column as `[count, *shape]`: a read-only memory map of its file.

    Args:
        columns: Where each column is, or what an earlier run left of it -> its type and the shape
            of one row.
        count: Rows in all.
        batch: Rows made between two writes: what a kill may lose.
        make: Rows -> those of every column, in the order of `columns`.
        name: What the progress bar says.

    Raises:
        ValueError: what `make` raises.
    """
    sizes = [int(np.prod(shape)) * np.dtype(kind).itemsize for kind, shape in columns.values()]
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(open(path, "ab")) for path in columns]
        done = min(file.tell() // size for file, size in zip(files, sizes, strict=True))
        for file, size in zip(files, sizes, strict=True):
            file.truncate(done * size)
        bar = stack.enter_context(tqdm.tqdm(desc=name, total=count, initial=done, disable=None))
        for start in range(done, count, batch):
            rows = slice(start, min(start + batch, count))
            for file, array in zip(files, make(rows), strict=True):
                file.write(array.tobytes())
                file.flush()
            bar.update(rows.stop - start)
    return [_map(path, kind, (count, *shape)) for path, (kind, shape) in columns.items()]


def _map(path: Path, kind: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Map a file into memory, or read it where its file system cannot do that."""
    risk = "Arrays are read as a whole, which takes as much memory."
    with safety.where_possible("memory map", risk, path, but={errno.ENODEV}):
        return np.memmap(path, kind, "r", shape=shape)
    return np.fromfile(path, kind).reshape(shape)
