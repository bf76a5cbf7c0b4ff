"""One training step on random numbers: ours, the official package's, or TorchJD's.

All have the same backbone and optimiser. The official package and TorchJD take one head module per
task, as their users write them; ours are stacked. Each foreign package is called as its own
documentation calls it; `cost_report.FOREIGN` says where that is written.
"""

import importlib
import sys
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchjd import aggregation
from torchjd.autojac import jac_to_grad, mtl_backward

from rotograd_replication.config import schema
from rotograd_replication.methods.rotate import subspace
from rotograd_replication.methods.rotations._start import one_thread
from rotograd_replication.models import network
from rotograd_replication.tasks.group import Tasks
from rotograd_replication.training import optimizers, run_networks
from rotograd_replication.training.step import task_step

VANILLA = {"module": "vanilla", "inner": None, "parameters": {}, "separate": False}


@dataclass
class Contender:
    """A step without arguments, and what it is a step of."""

    step: Callable[[], object]
    parts: Callable[[], dict[str, list[Tensor]]]
    """What a step moves, by its name: backbone, heads and rotations as they are now."""
    tasks: int
    batch: int
    m: int | None = None
    parametrisation: str | None = None


def checked(contender: Contender) -> None:
    """Take a step and see that it moved every part.

    Raises:
        RuntimeError: it left a part as it was; times of such a step would say nothing.
    """
    before = {name: [x.clone() for x in part] for name, part in contender.parts().items()}
    contender.step()
    for name, part in contender.parts().items():
        if all(torch.equal(x, old) for x, old in zip(part, before[name], strict=True)):
            raise RuntimeError(
                f"A contender's step must move all that it trains. Found {name} unmoved. "
                "See that an optimiser has its parameters."
            )


def values(parameters: Any) -> list[Tensor]:
    """Parameters as plain tensors that share their memory."""
    return [parameter.detach() for parameter in parameters]


def batch_of(data: schema.Dataset, samples: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Random inputs and targets that every kind of task takes."""
    tasks = Tasks(data.tasks)
    x = torch.randn(samples, *data.shape, device=device)
    x = x.to(memory_format=torch.channels_last) if x.dim() == 4 else x
    columns = sum(task.targets for task in data.tasks)
    size = data.shape[1:] if tasks.dense else ()
    return x, torch.randint(2, (samples, columns, *size), device=device).float()


@torch.no_grad()
def away(parametrisation: str, parameters: Any) -> None:
    """Move a static map's `[..., m, m]` from their start, where an exponential costs least.

    Skew matrices with entries of standard deviation 0.5 / sqrt(m), which turn planes by up to about
    1 rad. `dynamic` has no exponential, and begins every step at 0.
    """
    for parameter in parameters if parametrisation != "dynamic" else ():
        lower = torch.randn_like(parameter).tril(-1) * 0.5 / parameter.shape[-1] ** 0.5
        parameter.copy_(lower - lower.mT)


def ours(
    settings: dict[str, Any], data: schema.Dataset, samples: int, device: torch.device
) -> Contender:
    """This project's step: `task_step` and the optimisers."""
    tasks = Tasks(data.tasks)
    net = network.build(settings, tasks, 0).on(device)
    movers = optimizers.Optimizers(net, settings)
    initial_losses = torch.ones(len(tasks), device=device)
    x, y = batch_of(data, samples, device)
    chosen = settings["method"]["parameters"].get("parametrisation")
    if chosen:
        away(chosen, net.method.rotations.parameters())

    def step() -> None:
        movers.zero_grad()
        task_step(net, tasks, x, y, initial_losses)
        movers.step()

    def parts() -> dict[str, list[Tensor]]:
        found = {name: values(getattr(net, name).parameters()) for name in ("backbone", "heads")}
        if chosen:
            found["rotations"] = [net.method.rotations().detach()]
        return found

    return Contender(step, parts, len(tasks), samples, getattr(net.method, "m", None), chosen)


class PlainHead(nn.Module):
    """One task's head as a module of its own: `[B, D]` -> `[B, outputs, ...]`."""

    def __init__(self, heads: nn.Module) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, z: Tensor) -> Tensor:
        """The output for one view."""
        return self.heads(z[None])[0][0]


def plain(
    settings: dict[str, Any], data: schema.Dataset, device: torch.device
) -> tuple[nn.Module, list[nn.Module], list[Callable[[Tensor, Tensor], Tensor]]]:
    """A backbone, one head module per task, and each task's loss of its output and all targets."""
    backbone, heads, losses = None, [], []
    for task, columns in run_networks.networks_of_run(
        settings | {"method": {"separate": True}}, data.tasks
    ).values():
        one = {**settings, "method": VANILLA}
        net = network.build(one, task, 0).on(device)
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


def package() -> types.ModuleType:
    """The official package `rotograd`.

    Its `cached` is an import from `geotorch.parametrize`, which geotorch 0.4 no longer has: torch's
    own, to which geotorch's became, takes its place.
    """
    if "geotorch.parametrize" not in sys.modules:
        module = types.ModuleType("geotorch.parametrize")
        module.cached = torch.nn.utils.parametrize.cached
        sys.modules["geotorch.parametrize"] = module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("rotograd")


def official(
    settings: dict[str, Any], data: schema.Dataset, samples: int, device: torch.device
) -> Contender:
    """The package `rotograd`, trained by the step that its documentation shows."""
    rotograd = package()
    backbone, heads, losses = plain(settings, data, device)
    m = subspace(settings["method"]["parameters"].get("m"), settings["network"]["features"])
    training = settings["training"]
    with one_thread():
        model = rotograd.RotoGrad(backbone, heads, m, normalize_losses=training["normalize_losses"])
    model.to(device)
    away("exponential", model.parameters())
    parameters = [p for module in (backbone, *heads) for p in module.parameters()]
    optim_model = optimizers.build(parameters, training["optimizer"])
    optim_rotograd = optimizers.build(list(model.parameters()), training["rotation"])
    x, y = batch_of(data, samples, device)

    def step() -> None:
        model.train()
        optim_model.zero_grad()
        optim_rotograd.zero_grad()
        with rotograd.cached():
            outputs = model(x)
            model.backward([loss(out, y) for loss, out in zip(losses, outputs, strict=True)])
        optim_model.step()
        optim_rotograd.step()

    def parts() -> dict[str, list[Tensor]]:
        found = {"backbone": values(backbone.parameters())}
        found |= {f"head {k}": values(head.parameters()) for k, head in enumerate(heads)}
        return found | {f"rotation {k}": [one] for k, one in enumerate(values(model.parameters()))}

    return Contender(step, parts, len(heads), samples, m, "exponential")


def torchjd_step(
    settings: dict[str, Any],
    data: schema.Dataset,
    samples: int,
    device: torch.device,
    aggregator: str,
    chunk: int | None,
) -> Contender:
    """TorchJD's documented use: Jacobians of the shared parameters, aggregated.

    Args:
        settings: of a run.
        data: its dataset.
        samples: batch size.
        device: where.
        aggregator: the class in `torchjd.aggregation`.
        chunk: how many tasks are differentiated at once; None: all, TorchJD's default.
    """
    backbone, heads, losses = plain(settings, data, device)
    shared = list(backbone.parameters())
    parameters = [*shared, *(p for head in heads for p in head.parameters())]
    optimizer = optimizers.build(parameters, settings["training"]["optimizer"])
    aggregate = getattr(aggregation, aggregator)()
    x, y = batch_of(data, samples, device)

    def step() -> None:
        z = backbone(x)
        found = [loss(head(z), y) for loss, head in zip(losses, heads, strict=True)]
        mtl_backward(found, features=z, parallel_chunk_size=chunk)
        jac_to_grad(shared, aggregate)
        optimizer.step()
        optimizer.zero_grad()

    def parts() -> dict[str, list[Tensor]]:
        found = {f"head {k}": values(head.parameters()) for k, head in enumerate(heads)}
        return {"backbone": values(shared)} | found

    return Contender(step, parts, len(heads), samples)
