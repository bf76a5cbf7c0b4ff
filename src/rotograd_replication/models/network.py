"""Backbone, heads and method as one module, built from a run's settings."""

from functools import partial
from typing import Self

import torch
from torch import Tensor, nn

from .. import plugins
from ..config.run_settings import MethodSettings, RunSettings
from ..methods._base import Context, Method
from ..runtime import rng
from ..tasks.group import Tasks
from .heads._base import Heads


class Network(nn.Module):
    """Shares the backbone: `outputs = heads(method.task_features(backbone(x)))`."""

    def __init__(
        self, backbone: nn.Module, heads: Heads, method: Method, precision: str = "float32"
    ) -> None:
        super().__init__()
        self.precision = precision
        self.backbone = backbone
        self.heads = heads
        self.method = method

    def features(self, x: Tensor) -> Tensor:
        """Compute `z`, float32 `[B, D]`, whatever type the backbone computes in."""
        if self.precision != "bf16":
            return self.backbone(x)
        with torch.autocast(x.device.type, torch.bfloat16):
            return self.backbone(x).float()

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map inputs to one `[K_g, B, outputs, ...]` per group of heads."""
        return self.heads(self.method.task_features(self.features(x)))

    def on(self, device: torch.device) -> Self:
        """Move to a device, in the memory layout that convolutions are fast in."""
        return self.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def build_method(
    settings: MethodSettings, tasks: int, features: int, generator: torch.Generator
) -> Method:
    """Build a method and what it wraps, from its entry in the configuration."""
    inner = settings["inner"] and build_method(settings["inner"], tasks, features, generator)
    context = Context(tasks, features, generator, inner)
    return plugins.load("methods", settings["module"]).build(context, **settings["parameters"])


def build(settings: RunSettings, tasks: Tasks, seed: int) -> Network:
    """Build a fresh network from its seed.

    One seed gives every method the same backbone, and the same heads to those that train all tasks
    together: the head of a single-task network is the first that its seed draws.
    """
    network, head, training = settings["network"], settings["heads"], settings["training"]
    features = network["features"]
    make_heads = partial(
        plugins.load("heads", head["module"]).build,
        features=features,
        hidden=head["hidden"],
        **head["parameters"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = plugins.load("networks", network["module"])
        backbone = module.build(features, **network["parameters"])
        heads = Heads(tasks.head_groups, make_heads)
    method = build_method(settings["method"], len(tasks), features, rng.generator(seed, stream=1))
    if training["compiled"]:
        for part in (backbone, heads):
            part.forward = torch.compile(part.forward)  # type: ignore[method-assign]
    return Network(backbone, heads, method, training["precision"])
