"""Seconds of a training step and of an evaluated batch, measured here on made-up data of its shape.

Each network is built as a run builds it. What costs the same is measured once: networks that differ
in rates or names alone, single-task networks of one kind, and evaluation but for what the method
shows the heads.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from . import network, records, train
from .methods._base import Method
from .network import Network
from .tasks import Tasks


@dataclass(frozen=True)
class Cost:
    """Seconds of one training `step` and of one evaluated batch (`evaluation`); `bytes` on disk."""

    step: float
    evaluation: float
    bytes: int


class Calibration:
    """Measures on a device, and remembers.

    Attributes:
        device: where.
        seconds: how long steps are repeated; a single one may take longer.
        costs: what is measured so far.
    """

    def __init__(self, device: torch.device, seconds: float) -> None:
        self.device = device
        self.seconds = seconds
        self.costs: dict[str, Cost] = {}
        self._evaluations: dict[str, float] = {}

    def cost(self, settings: dict[str, Any], tasks: Tasks, columns: int, shape: list[int]) -> Cost:
        """What one network of a run costs.

        Args:
            settings: `config.run_settings`.
            tasks: of the network.
            columns: of the targets that these take.
            shape: of one input.
        """
        training = settings["training"]
        rotation = settings["method"]["rotation"] or training["rotation"]
        alike = {key: settings[key] for key in ("network", "heads")}
        alike |= {"shape": shape, "batch": training["batch_size"], "tasks": _kinds(tasks)}
        method = _core(settings["method"])
        optimizers = [training["optimizer"]["name"], rotation["name"]]
        key = records.digest(alike | {"method": method, "optimizers": optimizers})
        if key not in self.costs:
            net = network.build(settings, tasks, seed=0)
            net.to(self.device, memory_format=torch.channels_last)
            step = self._step(net, settings, tasks, columns, shape)
            shared = records.digest(alike)
            if shared not in self._evaluations:
                found = self._evaluation(net, settings, tasks, columns, shape)
                self._evaluations[shared] = found
            evaluation = self._evaluations[shared] + self._view(net, settings, tasks)
            size = sum(one.numel() * one.element_size() for one in net.state_dict().values())
            self.costs[key] = Cost(step, evaluation, size)
        return self.costs[key]

    def _step(
        self, net: Network, settings: dict[str, Any], tasks: Tasks, columns: int, shape: list[int]
    ) -> float:
        optimizers = train.Optimizers(net, settings)
        unit_loss = torch.ones(len(tasks), device=self.device)
        x, y = self._batch(settings["training"]["batch_size"], tasks, columns, shape)

        def step() -> None:
            optimizers.zero_grad()
            train.task_step(net, tasks, x, y, unit_loss)
            optimizers.step()

        mean = self._time(step, self.seconds)
        optimizers.zero_grad()
        return mean

    def _evaluation(
        self, net: Network, settings: dict[str, Any], tasks: Tasks, columns: int, shape: list[int]
    ) -> float:
        """All but the method's view."""
        size = train.evaluation_batch(settings, tasks.tasks)
        x, y = self._batch(size, tasks, columns, shape)
        net.eval()

        def evaluate() -> None:
            z = net.features(x)
            tasks.metrics(net.heads(Method.view(net.method, z)), y)

        with torch.no_grad():
            return self._time(evaluate, self.seconds / 4)

    def _view(self, net: Network, settings: dict[str, Any], tasks: Tasks) -> float:
        """What the method shows the heads in evaluation; nothing where that is z itself."""
        if type(net.method).view is Method.view:
            return 0.0
        size = train.evaluation_batch(settings, tasks.tasks)
        z = torch.randn(size, settings["network"]["features"], device=self.device)
        with torch.no_grad():
            return self._time(lambda: net.method.view(z), self.seconds / 4)

    def _batch(
        self, samples: int, tasks: Tasks, columns: int, shape: list[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(samples, *shape, device=self.device)
        x = x.to(memory_format=torch.channels_last) if x.dim() == 4 else x
        maps = shape[1:] if tasks.dense else ()
        return x, torch.ones(samples, columns, *maps, device=self.device)

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
    """What tasks cost: kinds, outputs and targets, in order."""
    return [[task.kind, task.outputs, task.targets] for task in tasks.tasks]


def _core(method: dict[str, Any]) -> dict[str, Any]:
    """What a method computes: its module, its parameters and the method that it wraps."""
    inner = method["inner"] and _core(method["inner"])
    return {"module": method["module"], "parameters": method["parameters"], "inner": inner}
