"""The network's optimiser and the method's own, each with its schedule; saved as plain tensors."""

from typing import Any

import torch
from torch import Tensor, nn

from ..config.run_settings import OptimizerSettings, RunSettings
from ..models.network import Network

OPTIMIZERS = {"radam": torch.optim.RAdam, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}
# Those with one kernel for all parameters: torch has none for RAdam.
FUSED = ("adam", "sgd")


def build(parameters: list[nn.Parameter], settings: OptimizerSettings) -> torch.optim.Optimizer:
    """Build an optimiser by its `name`; `eps`, if given, is for Adam and RAdam.

    On a GPU, one kernel moves all parameters, where torch has one for the optimiser.
    """
    options: dict[str, Any] = {"lr": settings["learning_rate"]}
    if "eps" in settings and settings["name"] != "sgd":
        options["eps"] = settings["eps"]
    if settings["name"] in FUSED and parameters[0].is_cuda:
        options["fused"] = True
    return OPTIMIZERS[settings["name"]](parameters, **options)


class Optimizers:
    """Steps the network's optimiser and the method's own, each with its schedule."""

    def __init__(self, net: Network, settings: RunSettings) -> None:
        training = settings["training"]
        self.method = net.method
        shared = [*net.backbone.parameters(), *net.heads.parameters()]
        rotation = settings["method"]["rotation"] or training["rotation"]
        groups = [(shared, training["optimizer"]), *net.method.param_groups(rotation)]
        self.optimizers = [build(parameters, optimizer) for parameters, optimizer in groups]
        self.schedules = [
            torch.optim.lr_scheduler.ExponentialLR(optimizer, own["decay"])
            for optimizer, (_, own) in zip(self.optimizers, groups, strict=True)
        ]
        self.drops = [optimizer.get("drops") for _, optimizer in groups]

    def zero_grad(self) -> None:
        """Drop the gradients of the last step."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Move every parameter, lower the learning rates, tell the method."""
        for optimizer, schedule in zip(self.optimizers, self.schedules, strict=True):
            optimizer.step()
            schedule.step()
        self.method.after_optimizer_step(self.schedules[0].last_epoch)

    def end_epoch(self, epoch: int) -> None:
        """Lower the learning rates that drop after epoch number `epoch`, from 1."""
        for optimizer, drops in zip(self.optimizers, self.drops, strict=True):
            if drops and epoch in drops["after"]:
                for group in optimizer.param_groups:
                    group["lr"] *= drops["factor"]

    def state(self) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
        """Return the state of the optimisers.

        Returns:
            `<optimiser>/<parameter>/<name>` -> tensor, and per optimiser its groups and schedule
            as plain values.
        """
        tensors: dict[str, Tensor] = {}
        facts = []
        pairs = zip(self.optimizers, self.schedules, strict=True)
        for i, (optimizer, schedule) in enumerate(pairs):
            state = optimizer.state_dict()
            for parameter, moments in state["state"].items():
                tensors |= {f"{i}/{parameter}/{name}": value for name, value in moments.items()}
            facts.append({"groups": state["param_groups"], "schedule": schedule.state_dict()})
        return tensors, facts

    def load(self, tensors: dict[str, Tensor], facts: list[dict[str, Any]]) -> None:
        """Restore what `state` gave; the moments take their parameters' layout in memory."""
        pairs = zip(self.optimizers, self.schedules, facts, strict=True)
        for i, (optimizer, schedule, fact) in enumerate(pairs):
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in tensors.items():
                number, parameter, name = key.split("/")
                if int(number) == i:
                    like = parameters[int(parameter)]
                    if value.shape == like.shape:
                        value = torch.empty_like(like, dtype=value.dtype).copy_(value)
                    state.setdefault(int(parameter), {})[name] = value
            optimizer.load_state_dict({"state": state, "param_groups": fact["groups"]})
            schedule.load_state_dict(fact["schedule"])
