"""Where rotations start: at the identity, or at rotations drawn by geotorch from the Haar measure.

Deviation: geotorch turns reflections of its sample into rotations by the sign of torch's
determinant, which torch 2.13 on a CPU gives as 0 for float32 matrices of 512 x 512 (MKL complains
of SLASWP); here the signs are NumPy's, in float64.

Its determinant is taken by one thread: where torch was told to use more, that of ten 256 x 256
float32 matrices never ends (torch 2.13 and its MKL, on an Intel Xeon).
"""

import contextlib
from collections.abc import Iterator

import geotorch.so
import numpy as np
import torch
from torch import Tensor


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let geotorch draw its samples with one thread, whatever torch uses otherwise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def draw(tasks: int, m: int, start: str, generator: torch.Generator) -> Tensor:
    """Draw the start: `identity`, `[1, m, m]` for all K, or `random`, `[K, m, m]`.

    `generator` gives the seed of the random ones.
    """
    if start == "identity":
        return torch.eye(m)[None]
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        rotations = geotorch.so.uniform_init_(torch.empty(tasks, m, m))
    sign, _ = np.linalg.slogdet(rotations.double().numpy())
    rotations[sign < 0, :, 0] *= -1
    return rotations
