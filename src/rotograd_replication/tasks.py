"""Losses and metrics of K tasks, grouped so that tasks of the same kind cost one operation."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from sklearn import metrics
from torch import Tensor

from . import objectives, schema


def _classification(outputs: Tensor, targets: Tensor, shifts: Tensor) -> Tensor:
    """Negative log-likelihood: `[K, B, C]`, `[B, K]` -> `[K, B]`."""
    return F.cross_entropy(outputs.permute(0, 2, 1), targets.T.long(), reduction="none")


def _binary(outputs: Tensor, targets: Tensor, shifts: Tensor) -> Tensor:
    """Binary cross-entropy on logits: `[K, B, 1]`, `[B, K]` -> `[K, B]`."""
    return F.binary_cross_entropy_with_logits(outputs[..., 0], targets.T, reduction="none")


def _regression(outputs: Tensor, targets: Tensor, shifts: Tensor) -> Tensor:
    """Squared error: `[K, B, 1]`, `[B, K]` -> `[K, B]`."""
    return (outputs[..., 0] - targets.T) ** 2


def _multimodal(outputs: Tensor, targets: Tensor, shifts: Tensor) -> Tensor:
    return objectives.multimodal(outputs, shifts[:, None, None], torch)


def _avocado(outputs: Tensor, targets: Tensor, shifts: Tensor) -> Tensor:
    return objectives.avocado(outputs, shifts[:, None, None], torch)


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "classification": _classification,
    "binary": _binary,
    "regression": _regression,
    "multimodal": _multimodal,
    "avocado": _avocado,
}


class Tasks:
    """K tasks in a fixed order.

    Attributes:
        tasks: the K tasks.
        stacks: `(outputs, places)` for each head shape: how many numbers its heads give and which
            tasks they belong to.
    """

    def __init__(self, tasks: list[schema.Task]) -> None:
        self.tasks = tasks
        shapes = dict.fromkeys(task.outputs for task in tasks)
        self.stacks = [(n, [k for k, t in enumerate(tasks) if t.outputs == n]) for n in shapes]

    def __len__(self) -> int:
        return len(self.tasks)

    @property
    def names(self) -> list[str]:
        """The tasks' names, in order."""
        return [task.name for task in self.tasks]

    def losses(self, outputs: list[Tensor], targets: Tensor) -> Tensor:
        """Mean loss of every task over a batch.

        Args:
            outputs: per stack, `[K_s, B, outputs]`.
            targets: `[B, K]`.

        Returns:
            `[K]`, differentiable.
        """
        found: list[Tensor] = [targets.new_empty(0)] * len(self)
        for (_, places), output in zip(self.stacks, outputs, strict=True):
            kinds = dict.fromkeys(self.tasks[k].kind for k in places)
            for kind in kinds:
                local = [i for i, k in enumerate(places) if self.tasks[k].kind == kind]
                chosen = [places[i] for i in local]
                whole = len(local) == len(places)
                of_kind = output if whole else output[local]
                shifts = output.new_tensor([self.tasks[k].shift for k in chosen])
                wanted = targets if len(chosen) == len(self) else targets[:, chosen]
                for k, loss in zip(
                    chosen, LOSSES[kind](of_kind, wanted, shifts).mean(1), strict=True
                ):
                    found[k] = loss
        return torch.stack(found)

    def metrics(self, outputs: list[Tensor], targets: Tensor) -> dict[str, dict[str, float]]:
        """Each task's metrics over a whole split: `{task: {metric: value, "loss": value}}`.

        Accuracy (classification), F1 of the positive class (binary; 0 where nothing is positive),
        mean squared error (regression), mean objective (toy). Definitions: scikit-learn's.
        """
        losses = self.losses(outputs, targets).cpu().numpy()
        wanted = targets.cpu().numpy()
        found: dict[str, dict[str, float]] = {}
        for (_, places), output in zip(self.stacks, outputs, strict=True):
            for k, one in zip(places, output.float().cpu().numpy(), strict=True):
                task = self.tasks[k]
                name, value = _metric(task.kind, one, wanted[:, k], float(losses[k]))
                found[task.name] = {name: value, "loss": float(losses[k])}
        return {name: found[name] for name in self.names}


def _metric(kind: str, output: np.ndarray, target: np.ndarray, loss: float) -> tuple[str, float]:
    if not np.isfinite(output).all():
        name = {"classification": "accuracy", "binary": "f1", "regression": "mse"}
        return name.get(kind, "objective"), float("nan")
    if kind == "classification":
        return "accuracy", float(metrics.accuracy_score(target, output.argmax(1)))
    if kind == "binary":
        return "f1", float(metrics.f1_score(target > 0.5, output[:, 0] > 0, zero_division=0.0))
    if kind == "regression":
        return "mse", float(metrics.mean_squared_error(target, output[:, 0]))
    return "objective", loss
