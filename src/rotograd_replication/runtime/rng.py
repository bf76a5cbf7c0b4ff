"""Every generator a run could draw from, as tensors: saved and set again, they go on alike.

The run's own: the order of batches and the method's. The process's: torch's on the CPU and on the
GPU and NumPy's, from which nothing here draws, but a plug-in's library might.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn


def own(net: nn.Module, order: torch.Generator) -> Iterator[tuple[str, torch.Generator]]:
    """The run's generators by name: the order's, and those that modules of the network hold."""
    yield "order", order
    for place, module in net.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, torch.Generator):
                yield f"{place}.{name}", value


def states(net: nn.Module, order: torch.Generator, device: torch.device) -> dict[str, Tensor]:
    """The state of every generator, a tensor of bytes or whole numbers each."""
    found = {name: generator.get_state() for name, generator in own(net, order)}
    found["torch"] = torch.get_rng_state()
    if device.type == "cuda":
        found["cuda"] = torch.cuda.get_rng_state(device)
    _, keys, place, has_gauss, gauss = np.random.get_state()
    found["numpy_keys"] = torch.from_numpy(np.array(keys, np.int64))
    found["numpy_place"] = torch.tensor([place, has_gauss])
    found["numpy_gauss"] = torch.tensor(gauss, dtype=torch.double)
    return found


def restore(
    net: nn.Module, order: torch.Generator, device: torch.device, found: dict[str, Tensor]
) -> None:
    """Set every generator to its saved state.

    Raises:
        KeyError: a generator has none.
    """
    for name, generator in own(net, order):
        generator.set_state(found[name])
    torch.set_rng_state(found["torch"])
    if device.type == "cuda" and "cuda" in found:
        torch.cuda.set_rng_state(found["cuda"], device)
    keys = found["numpy_keys"].numpy().astype(np.uint32)
    place, has_gauss = found["numpy_place"].tolist()
    np.random.set_state(("MT19937", keys, place, has_gauss, found["numpy_gauss"].item()))
