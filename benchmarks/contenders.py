"""One training step on random numbers: ours, the official package's, or TorchJD's.

All have the same backbone and optimiser. The official package and TorchJD take one head module per
task, as their users write them; ours are stacked.
"""

import sys
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchjd.aggregation
import torchjd.autojac
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from rotograd_replication import network, optimizers, schema, train
from rotograd_replication.methods.rotate import subspace
from rotograd_replication.step import task_step
from rotograd_replication.tasks import Tasks


@dataclass
class Contender:
    """A step without arguments, and what it is a step of."""

    step: Callable[[], object]
    tasks: int
    batch: int
    m: int | None


class PlainHead(nn.Module):
    """One task's head as a module of its own: `[B, D]` -> `[B, outputs, ...]`."""

    def __init__(self, heads: nn.Module) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, z: Tensor) -> Tensor:
        """The output for one view."""
        return self.heads(z[None])[0][0]


def batch_of(data: schema.Dataset, samples: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Random inputs and targets that every kind of task takes."""
    tasks = Tasks(data.tasks)
    x = torch.randn(samples, *data.shape, device=device)
    x = x.to(memory_format=torch.channels_last) if x.dim() == 4 else x
    columns = sum(task.targets for task in data.tasks)
    size = data.shape[1:] if tasks.dense else ()
    return x, torch.randint(2, (samples, columns, *size), device=device).float()


def ours(
    settings: dict[str, Any], data: schema.Dataset, samples: int, device: torch.device
) -> Contender:
    """This project's step: `task_step` and the optimisers."""
    tasks = Tasks(data.tasks)
    net = network.build(settings, tasks, 0).to(device, memory_format=torch.channels_last)
    movers = optimizers.Optimizers(net, settings)
    unit_loss = torch.ones(len(tasks), device=device)
    x, y = batch_of(data, samples, device)
    with torch.no_grad():  # a static map costs more away from its start
        for name, parameter in net.method.named_parameters():
            if name.endswith("original"):
                parameter.normal_(std=0.5 / parameter.shape[-1] ** 0.5)

    def step() -> None:
        movers.zero_grad()
        task_step(net, tasks, x, y, unit_loss)
        movers.step()

    return Contender(step, len(tasks), samples, getattr(net.method, "m", None))


def plain(
    settings: dict[str, Any], data: schema.Dataset, device: torch.device
) -> tuple[nn.Module, list[nn.Module], list[Callable[[Tensor, Tensor], Tensor]]]:
    """A backbone, one head module per task, and each task's loss of its output and all targets."""
    backbone, heads, losses = None, [], []
    for task, columns in train.parts(
        settings | {"method": {"separate": True}}, data.tasks
    ).values():
        one = {**settings, "method": VANILLA}
        net = network.build(one, task, 0).to(device, memory_format=torch.channels_last)
        backbone = backbone or net.backbone
        heads.append(PlainHead(net.heads))
        losses.append(lambda out, y, t=task, c=columns: t.losses([out[None]], y[:, c])[0])
    return backbone, heads, losses


def backbone_gflop(
    settings: dict[str, Any], data: schema.Dataset, samples: int, device: torch.device
) -> float:
    """Multiplications and additions of the backbone's forward and backward pass, in 10^9."""
    net = network.build(settings, Tasks(data.tasks), 0).to(device)
    x, _ = batch_of(data, samples, device)
    with FlopCounterMode(display=False) as counter:
        net.backbone(x).sum().backward()
    return counter.get_total_flops() / 1e9


VANILLA = {"module": "vanilla", "inner": None, "parameters": {}, "separate": False}


def official(
    settings: dict[str, Any], data: schema.Dataset, samples: int, device: torch.device
) -> Contender:
    """The package `rotograd`, with the import that geotorch 0.4 no longer has."""
    module = types.ModuleType("geotorch.parametrize")
    module.cached = torch.nn.utils.parametrize.cached
    sys.modules["geotorch.parametrize"] = module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import rotograd
    backbone, heads, losses = plain(settings, data, device)
    m = subspace(settings["method"]["parameters"].get("m"), settings["network"]["features"])
    net = rotograd.RotoGrad(backbone, heads, m).to(device)
    with torch.no_grad():
        for k in range(len(heads)):
            net.parametrizations[f"rotation_{k}"].original.normal_(std=0.5 / m**0.5)
    chosen = settings["training"]["optimizer"], settings["training"]["rotation"]
    both = [
        optimizers.OPTIMIZERS[one["name"]](parameters, lr=one["learning_rate"])
        for one, parameters in zip(
            chosen, ([*net.mtl_parameters()], [*net.parameters()]), strict=True
        )
    ]
    x, y = batch_of(data, samples, device)
    net.train()

    def step() -> None:
        for optimizer in both:
            optimizer.zero_grad()
        outputs = net(x)
        net.backward([loss(out, y) for loss, out in zip(losses, outputs, strict=True)])
        for optimizer in both:
            optimizer.step()

    return Contender(step, len(heads), samples, m)


def torchjd_step(
    settings: dict[str, Any],
    data: schema.Dataset,
    samples: int,
    device: torch.device,
    aggregator: str,
) -> Contender:
    """TorchJD's documented use: Jacobians of the shared parameters, aggregated.

    One task's gradient at a time, as `torch.vmap` over all would hold K backward passes at once.
    """
    backbone, heads, losses = plain(settings, data, device)
    shared = list(backbone.parameters())
    parameters = [*shared, *(p for head in heads for p in head.parameters())]
    chosen = settings["training"]["optimizer"]
    optimizer = optimizers.OPTIMIZERS[chosen["name"]](parameters, lr=chosen["learning_rate"])
    aggregate = getattr(torchjd.aggregation, aggregator)()
    x, y = batch_of(data, samples, device)

    def step() -> None:
        optimizer.zero_grad()
        z = backbone(x)
        found = [loss(head(z), y) for loss, head in zip(losses, heads, strict=True)]
        torchjd.autojac.mtl_backward(found, features=z, parallel_chunk_size=1)
        torchjd.autojac.jac_to_grad(shared, aggregate)
        optimizer.step()

    return Contender(step, len(heads), samples, None)
