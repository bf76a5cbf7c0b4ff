"""One point of the plane, for the two-dimensional problems of Figure 1.

Source: the toy example of the paper (Figure 1). The losses need no target: see `objectives`.
"""

from pathlib import Path

import numpy as np


def prepare(raw: Path, *, point: list[float]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The same point for every split: float32 inputs `[1, 2]` and zeros `[1, 2]` as targets.

    Raises:
        ValueError: `point` does not have two coordinates.
    """
    if len(point) != 2:
        raise ValueError(f"`point` must have 2 coordinates. Found {len(point)}: {point}.")
    images = np.array([point], dtype=np.float32)
    return {split: (images, np.zeros_like(images)) for split in ("train", "val", "test")}
