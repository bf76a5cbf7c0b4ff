"""Seconds of a training step and of an evaluated batch, measured here on made-up data of its shape.

A step is measured in two parts, each as a run takes it: the backbone, forward, backward and its
optimiser; and all that follows z, which is the method's and the heads'. What costs the same is
measured once: a backbone for all methods, single-task networks of one kind, methods that differ in
rates or names alone, and evaluation but for what the method shows the heads.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..config.run_settings import MethodSettings, RunSettings
from ..files import atomic as records
from ..methods._base import Method
from ..models import network
from ..models.network import Network
from ..runtime.device import set_precision
from ..tasks.evaluation import metrics_of
from ..tasks.group import Tasks
from ..training import run_networks
from ..training.optimizers import OPTIMIZERS, Optimizers
from ..training.step import task_step


@dataclass(frozen=True)
class Cost:
    """Seconds of one training `step` and of one evaluated batch (`evaluation`); `bytes` on disk."""

    step: float
    evaluation: float
    bytes: int


class Features(nn.Module):
    """In a backbone's place: gives z at no cost, and takes its gradient.

    Its one parameter never has a gradient: an optimiser refuses to have none, as in the toys, which
    have no heads either.
    """

    def __init__(self, z: Tensor) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))
        self.z = z.requires_grad_()

    def forward(self, x: Tensor) -> Tensor:
        """`z [B, D]`, whatever the input."""
        self.z.grad = None
        return self.z


class Calibration:
    """Measures on a device, and remembers.

    Attributes:
        device: where.
        seconds: how long steps are repeated; a single one may take longer.
        costs: of the networks so far.
    """

    def __init__(self, device: torch.device, seconds: float) -> None:
        self.device = device
        self.seconds = seconds
        self.costs: dict[str, Cost] = {}
        self._parts: dict[str, float] = {}

    def cost(self, settings: RunSettings, tasks: Tasks, columns: int, shape: list[int]) -> Cost:
        """Measure what one network of a run costs.

        Args:
            settings: `settings.run_settings`.
            tasks: of the network.
            columns: of the targets that these take.
            shape: of one input.
        """
        training, method = settings["training"], settings["method"]
        names = [training["optimizer"]["name"]]
        backbone: dict[str, Any] = {"network": settings["network"], "shape": shape}
        backbone |= {"optimizers": names, "batch": training["batch_size"]}
        backbone |= {"precision": training["precision"]}
        network_ = backbone | {"heads": settings["heads"], "tasks": _kinds(tasks)}
        whole = network_ | {"method": _core(method)}
        whole |= {"optimizers": [*names, (method["rotation"] or training["rotation"])["name"]]}
        key = records.digest(whole)
        if key in self.costs:
            return self.costs[key]
        set_precision(training["precision"])
        net = network.build(settings, tasks, seed=0).on(self.device)
        size = sum(one.numel() * one.element_size() for one in net.state_dict().values())
        given = (net, settings, tasks, columns, shape)
        evaluation = self._once("evaluation", network_, self._evaluation, *given)
        evaluation += self._once("view", whole, self._view, net, settings, tasks)
        step = self._once("backbone", backbone, self._backbone, net, settings, shape)
        step += self._once("rest", whole, self._rest, *given)
        self.costs[key] = Cost(step, evaluation, size)
        return self.costs[key]

    def _once(
        self, part: str, alike: dict[str, Any], measure: Callable[..., float], *given: Any
    ) -> float:
        """Measure a part's seconds, unless one of the same `alike` was."""
        key = records.digest({"part": part} | alike)
        if key not in self._parts:
            self._parts[key] = measure(*given)
        return self._parts[key]

    def _backbone(self, net: Network, settings: RunSettings, shape: list[int]) -> float:
        training = settings["training"]
        chosen = training["optimizer"]
        optimizer = OPTIMIZERS[chosen["name"]](
            net.backbone.parameters(), lr=chosen["learning_rate"]
        )
        x = self._inputs(training["batch_size"], shape)
        update = torch.zeros(len(x), settings["network"]["features"], device=self.device)

        def step() -> None:
            optimizer.zero_grad(set_to_none=True)
            net.features(x).backward(update)
            optimizer.step()

        net.train()
        return self._time(step, self.seconds)

    def _rest(
        self, net: Network, settings: RunSettings, tasks: Tasks, columns: int, shape: list[int]
    ) -> float:
        """Time a training step but for the backbone."""
        samples = settings["training"]["batch_size"]
        z = torch.randn(samples, settings["network"]["features"], device=self.device)
        net.backbone = Features(z)
        net.train()
        optimizers = Optimizers(net, settings)
        initial_losses = torch.ones(len(tasks), device=self.device)
        y = self._targets(samples, tasks, columns, shape)

        def step() -> None:
            optimizers.zero_grad()
            task_step(net, tasks, z, y, initial_losses)
            optimizers.step()

        return self._time(step, self.seconds)

    def _evaluation(
        self, net: Network, settings: RunSettings, tasks: Tasks, columns: int, shape: list[int]
    ) -> float:
        """All but the method's view."""
        size = run_networks.evaluation_batch(settings, tasks.tasks)
        x, y = self._inputs(size, shape), self._targets(size, tasks, columns, shape)
        net.eval()

        def evaluate() -> None:
            z = net.features(x)
            metrics_of(tasks, net.heads(Method.task_features(net.method, z)), y)

        with torch.no_grad():
            return self._time(evaluate, self.seconds / 4)

    def _view(self, net: Network, settings: RunSettings, tasks: Tasks) -> float:
        """Time what the method shows the heads in evaluation; 0 where that is z itself."""
        if type(net.method).task_features is Method.task_features:
            return 0.0
        size = run_networks.evaluation_batch(settings, tasks.tasks)
        z = torch.randn(size, settings["network"]["features"], device=self.device)
        with torch.no_grad():
            return self._time(lambda: net.method.task_features(z), self.seconds / 4)

    def _inputs(self, samples: int, shape: list[int]) -> Tensor:
        x = torch.randn(samples, *shape, device=self.device)
        return x.to(memory_format=torch.channels_last) if x.dim() == 4 else x

    def _targets(self, samples: int, tasks: Tasks, columns: int, shape: list[int]) -> Tensor:
        maps = shape[1:] if tasks.dense else ()
        return torch.ones(samples, columns, *maps, device=self.device)

    def _time(self, work: Callable[[], object], seconds: float) -> float:
        """Mean seconds of `work` over as many repetitions as fit, at least one.

        The first, which may allocate and compile, is left out; but not on a CPU, where that is
        little, if it took longer than `seconds` already: nothing is repeated then.
        """

        def once() -> float:
            start = time.perf_counter()
            work()
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)
            return time.perf_counter() - start

        first = once()
        if self.device.type == "cpu" and first >= seconds:
            return first
        taken = [once()]
        while sum(taken) < seconds:
            taken.append(once())
        return sum(taken) / len(taken)


def _kinds(tasks: Tasks) -> list[Any]:
    """List what tasks' cost follows from: kinds, outputs and targets, in order."""
    return [[task.kind, task.outputs, task.targets] for task in tasks.tasks]


def _core(method: MethodSettings) -> dict[str, Any]:
    """Reduce a method to what it computes: module, parameters and what it wraps."""
    inner = method["inner"] and _core(method["inner"])
    return {"module": method["module"], "parameters": method["parameters"], "inner": inner}
