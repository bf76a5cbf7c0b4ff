"""Depth in metres: absolute error, and that relative to the true depth.

A pixel of depth 0 is not valid.
"""

import torch
from torch import Tensor

from ._maps import BothMeans, MapKind, Metrics, Sums, masked_sums

METRICS = {"abs_err": False, "rel_err": False, "abs_err_global": False, "rel_err_global": False}
DENSE = True
TARGETS = 1


class Errors(Metrics):
    """Computes the absolute error in metres and the error relative to the true depth."""

    def __init__(self) -> None:
        super().__init__()
        self.means = BothMeans()

    def _add(self, outputs: Tensor, targets: Tensor) -> None:
        depth = targets[:, 0]
        valid = depth != 0
        depth = depth[valid]
        error = (outputs[:, 0][valid] - depth).abs()
        self.means.add(torch.stack([error, error / depth]))

    def _values(self) -> dict[str, float]:
        return self.means.compute(["abs_err", "rel_err"])


class Depth(MapKind):
    """Takes one channel of depths as target and one output."""

    def loss_sums(self, outputs: Tensor, targets: Tensor) -> Sums:
        """Sum the absolute error, in metres."""
        depth = targets[:, :, 0].transpose(0, 1)
        return masked_sums((outputs[:, :, 0] - depth).abs(), depth != 0)

    def metrics(self) -> Metrics:
        """Start sums of errors."""
        return Errors()


def build() -> MapKind:
    """Build the kind."""
    return Depth()
