"""A safetensors file written block by block, so that tensors larger than memory can be stored.

The format: 8 bytes with the length of a JSON header, the header, then the tensors' bytes
(https://github.com/safetensors/safetensors#format). The bytes are those of the library's own
writer, which a test checks; that one reads a memory map as a whole, which then counts as memory.
"""

import contextlib
import json
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

# Bytes that a block of rows takes at most, if it has more than one row.
BLOCK = 1 << 25
# NumPy's names and the format's, in the order in which the library ranks them.
CODES = {"uint8": "U8", "float16": "F16", "float32": "F32"}


def save(tensors: dict[str, np.ndarray], path: Path, metadata: dict[str, str]) -> None:
    """Write tensors, which may be memory-mapped, in blocks of rows.

    Args:
        tensors: Name -> array of one of the types in `CODES`.
        path: The file to write.
        metadata: Text that the header holds.

    Raises:
        ValueError: An array of another type.
    """
    for name, array in tensors.items():
        if array.dtype.name not in CODES:
            raise ValueError(
                f"`{name}` must be of type {', '.join(CODES)}. Found {array.dtype.name}."
            )
    ranks = {name: list(CODES).index(array.dtype.name) for name, array in tensors.items()}
    order = sorted(tensors, key=lambda name: (-ranks[name], name))
    header: dict[str, object] = {"__metadata__": metadata}
    start = 0
    for name in order:
        array = tensors[name]
        places = [start, start := start + array.nbytes]
        code = CODES[array.dtype.name]
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": places}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            for block in blocks(tensors[name]):
                file.write(np.ascontiguousarray(block).data)


def blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Yield consecutive rows of `[N, ...]`; no page of a read-only memory map stays resident."""
    rows = max(1, BLOCK * len(array) // max(array.nbytes, 1))
    source: Any = array
    while isinstance(source, np.ndarray):
        source = source.base
    for start in range(0, len(array), rows):
        yield array[start : start + rows]
        if isinstance(source, mmap.mmap) and not array.flags.writeable:
            with contextlib.suppress(OSError):  # memory is freed later
                source.madvise(mmap.MADV_DONTNEED)
