"""SVHN's cropped digits: MATLAB files of images `X`, `[H, W, C, N]`, and classes `y`, 10 for 0.

Source: http://ufldl.stanford.edu/housenumbers (format 2).
"""

from pathlib import Path

import numpy as np
from scipy import io

from ...files import damage
from . import _workers

FILES = {"train": "train_32x32.mat", "test": "test_32x32.mat"}
SHAPE = (32, 32, 3)


def read(raw: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read digits uint8 `[N, 3, 32, 32]` and their classes `[N]`; `split` is `train` or `test`.

    Raises:
        ValueError: a damaged file, other arrays than `X` and `y`, or an unknown class.
    """
    name = FILES[split]
    images, labels = read_arrays(raw / name)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[:3] != SHAPE:
        raise ValueError(
            f"`X` of `{name}` must be bytes of shape [32, 32, 3, N]. "
            f"Found {images.dtype} of shape {list(images.shape)}. Fetch it again."
        )
    if labels.size != images.shape[3]:
        raise ValueError(
            f"`y` of `{name}` must hold a class for each of the {images.shape[3]} images of `X`. "
            f"Found {labels.size}. Fetch it again."
        )
    classes = labels.ravel()
    strange = classes[~np.isin(classes, np.arange(1, 11))]
    if strange.size:
        raise ValueError(
            f"`y` of `{name}` must hold classes 1 to 10, 10 for the digit 0. Found {strange[0]}."
        )
    digits = np.ascontiguousarray(images.transpose(3, 2, 0, 1))
    return digits, classes.astype(np.int64) % 10


def read_arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the arrays `X` and `y` of one MATLAB file, as they are.

    Raises:
        ValueError: no whole MATLAB file, or one that lacks an array.
    """
    kind = "a whole MATLAB file of version 5"
    # On some damaged files SciPy ends its process (a segmentation fault).
    risk = "A damaged file may end this process."
    workers = _workers.start(1, f"Reading `{path.name}`", risk)
    with open(path, "rb"), damage.reading(path.name, kind), workers as apart:
        arrays = apart.submit(io.loadmat, path, variable_names=["X", "y"]).result()
    missing = [key for key in ("X", "y") if not isinstance(arrays.get(key), np.ndarray)]
    if missing:
        raise ValueError(
            f"`{path.name}` must hold arrays X and y. Found no {' and no '.join(missing)}. "
            "Fetch it again."
        )
    return arrays["X"], arrays["y"]
