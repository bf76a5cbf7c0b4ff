"""Make one point of the plane, for the two-dimensional problems of Figure 1.

Source: the toy example of the paper (Figure 1). The losses need no target: see `objectives`.
"""

from pathlib import Path

import numpy as np
from pydantic import PositiveInt


def prepare(
    raw: Path, *, point: list[float], rows: PositiveInt
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Give the same point in every row of every split: float32 inputs and, as targets, zeros.

    Args:
        raw: Not read.
        point: The two coordinates.
        rows: Of each split, all equal: they decide how many steps of training an epoch has.

    Returns:
        Split -> inputs `[rows, 2]` and targets `[rows, 2]`.

    Raises:
        ValueError: `point` does not have two coordinates.
    """
    if len(point) != 2:
        raise ValueError(f"`point` must have 2 coordinates. Found {len(point)}: {point}.")
    images = np.tile(np.array(point, dtype=np.float32), (rows, 1))
    return {split: (images, np.zeros_like(images)) for split in ("train", "val", "test")}
