"""What kinds of tasks share whose targets are maps: losses over valid pixels, metrics added up.

Source of the losses: MTAN (https://github.com/lorenmt/mtan, `im2im_pred/utils.py`). A loss is the
mean over the valid pixels of a batch; each kind says which are valid.

Deviation: a batch without a valid pixel has loss 0, where MTAN divides 0 by 0.

Metrics are added up batch by batch, so a split's outputs are never held at once. There are two
conventions. MTAN's: a mean, or a median, per batch, then the plain mean over batches. LibMTL's
(https://github.com/median-research-group/LibMTL), marked `_global`: over all valid pixels of the
split. Batches without a valid pixel are left out of means over batches; a split without one gives
NaN. So does an output that is not finite, of whatever pixel, to every metric.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

Sums = tuple[Tensor, Tensor]


class Metrics(ABC):
    """Adds up batches and computes metrics: NaN if one of the outputs was not finite."""

    def __init__(self) -> None:
        self.finite = True

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add one batch: outputs `[B, C, H, W]` and targets `[B, c, H, W]`."""
        self.finite &= bool(outputs.isfinite().all())
        self._add(outputs, targets)

    def compute(self) -> dict[str, float]:
        """Compute the metrics over all batches: metric -> value."""
        values = self._values()
        return values if self.finite else dict.fromkeys(values, math.nan)

    @abstractmethod
    def _add(self, outputs: Tensor, targets: Tensor) -> None: ...

    @abstractmethod
    def _values(self) -> dict[str, float]: ...


class MapKind(ABC):
    """Computes the losses of K tasks of one kind, and the metrics of each."""

    @abstractmethod
    def loss_sums(self, outputs: Tensor, targets: Tensor) -> Sums:
        """Sum every task's loss over valid pixels, and count these: `[K]` each.

        Args:
            outputs: Of the heads, `[K, B, C, H, W]`.
            targets: The channels of every task, `[B, K, c, H, W]`.
        """

    @abstractmethod
    def metrics(self) -> Metrics:
        """Start the metrics of one task over a split."""


def masked_sums(errors: Tensor, valid: Tensor) -> Sums:
    """Sum `[K, B, H, W]` over valid pixels, and count these: `[K]` each."""
    kept = torch.where(valid, errors, torch.zeros_like(errors))
    return kept.sum((1, 2, 3)), valid.sum((1, 2, 3))


class BothMeans:
    """Averages named numbers in both conventions: over batches and over pixels."""

    def __init__(self) -> None:
        self.batches: list[Tensor] = []
        self.sums: list[Tensor] = []
        self.pixels = 0

    def add(self, values: Tensor) -> None:
        """Add one batch's `[numbers, valid pixels]`."""
        if values.shape[1]:
            self.batches.append(values.double().mean(1).cpu())
            self.sums.append(values.double().sum(1).cpu())
            self.pixels += values.shape[1]

    def compute(self, names: list[str]) -> dict[str, float]:
        """Compute both means of every number: name and name + `_global` -> value."""
        if not self.batches:
            return dict.fromkeys([*names, *(f"{name}_global" for name in names)], math.nan)
        over_batches = torch.stack(self.batches).mean(0).tolist()
        over_pixels = (torch.stack(self.sums).sum(0) / self.pixels).tolist()
        means = dict(zip(names, over_batches, strict=True))
        return means | {f"{name}_global": x for name, x in zip(names, over_pixels, strict=True)}
