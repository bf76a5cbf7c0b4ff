"""Every generator that a run could draw from, as tensors that can be saved and restored.

The run's own: the order of batches and the method's. The process's: torch's on the CPU and on the
GPU and NumPy's, from which nothing here draws, but a plug-in's library might.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn


def generator(seed: int, stream: int) -> torch.Generator:
    """Make a CPU generator for one use (`stream`) of one seed; streams are independent."""
    return torch.Generator().manual_seed(seed * 1_000_003 + stream)


def generators_of_run(
    net: nn.Module, order: torch.Generator
) -> Iterator[tuple[str, torch.Generator]]:
    """List the run's generators by name: the order's, and those that modules of `net` hold."""
    yield "order", order
    for path, module in net.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, torch.Generator):
                yield f"{path}.{name}", value


def states(net: nn.Module, order: torch.Generator, device: torch.device) -> dict[str, Tensor]:
    """Return the state of every generator, a tensor of bytes or whole numbers each."""
    saved = {name: generator.get_state() for name, generator in generators_of_run(net, order)}
    saved["torch"] = torch.get_rng_state()
    if device.type == "cuda":
        saved["cuda"] = torch.cuda.get_rng_state(device)
    _, keys, position, has_gauss, gauss = np.random.get_state()
    saved["numpy_keys"] = torch.from_numpy(np.array(keys, np.int64))
    saved["numpy_place"] = torch.tensor([position, has_gauss])
    saved["numpy_gauss"] = torch.tensor(gauss, dtype=torch.double)
    return saved


def restore(
    net: nn.Module, order: torch.Generator, device: torch.device, saved: dict[str, Tensor]
) -> None:
    """Set every generator to its saved state.

    Raises:
        KeyError: A generator has no saved state.
    """
    for name, generator in generators_of_run(net, order):
        generator.set_state(saved[name])
    torch.set_rng_state(saved["torch"])
    if device.type == "cuda" and "cuda" in saved:
        torch.cuda.set_rng_state(saved["cuda"], device)
    keys = saved["numpy_keys"].numpy().astype(np.uint32)
    position, has_gauss = saved["numpy_place"].tolist()
    np.random.set_state(("MT19937", keys, position, has_gauss, saved["numpy_gauss"].item()))
