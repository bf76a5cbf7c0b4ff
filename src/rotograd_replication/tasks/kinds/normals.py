"""Surface normals: cosine loss; angles in degrees, their mean, median and shares below thresholds.

A pixel with the normal (0, 0, 0) is not valid.

Deviation: MTAN calls a normal invalid where its components sum to 0; here where all are 0, the
value that marks one. A predicted normal of (0, 0, 0) has loss 1, where MTAN's is NaN; its metrics
are NaN here as there.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ._maps import BothMeans, MapKind, Metrics, Sums, masked_sums

METRICS = {
    "angle_mean": False,
    "angle_median": False,
    "within_11_25": True,
    "within_22_5": True,
    "within_30": True,
    "angle_mean_global": False,
    "angle_median_global": False,
    "within_11_25_global": True,
    "within_22_5_global": True,
    "within_30_global": True,
}
DENSE = True
TARGETS = 3
THRESHOLDS = {"within_11_25": 11.25, "within_22_5": 22.5, "within_30": 30.0}  # degrees
# Bins of the histogram of angles: the global median is exact to half a bin, 0.0005 degrees.
BINS_PER_DEGREE = 1000


class Angles(Metrics):
    """Computes mean, median and shares (%) below thresholds of the angle to the target, in degrees.

    The median of a batch is exact; the global median is read from a histogram. A prediction of
    (0, 0, 0) has no angle and makes every metric NaN, as in MTAN and LibMTL, which divide by its
    length.
    """

    def __init__(self) -> None:
        super().__init__()
        self.means = BothMeans()
        self.medians: list[float] = []
        self.histogram = torch.zeros(180 * BINS_PER_DEGREE, dtype=torch.long)

    def _add(self, outputs: Tensor, targets: Tensor) -> None:
        valid = (targets != 0).any(1)
        directions = outputs.double()  # whose squares neither overflow nor vanish
        directions = directions / directions.norm(dim=1, keepdim=True)
        angles = (directions * targets).sum(1)[valid].clamp(-1, 1).acos().rad2deg()
        undefined = 0 * angles  # NaN where the angle is
        shares = [100.0 * (angles < limit) + undefined for limit in THRESHOLDS.values()]
        self.means.add(torch.stack([angles, *shares]))
        if len(angles):
            self.medians.append(_median(angles))
            bins = (angles.nan_to_num(0.0) * BINS_PER_DEGREE).long()
            bins = bins.clamp(max=len(self.histogram) - 1)  # 180 degrees is in the last bin
            self.histogram += torch.bincount(bins, minlength=len(self.histogram)).cpu()

    def _values(self) -> dict[str, float]:
        values = self.means.compute(["angle_mean", *THRESHOLDS])
        values["angle_median"] = sum(self.medians) / len(self.medians) if self.medians else math.nan
        values["angle_median_global"] = math.nan
        if self.medians and values["angle_mean"] == values["angle_mean"]:
            ranks = self.histogram.cumsum(0)
            middle = torch.tensor([(ranks[-1] - 1) // 2, ranks[-1] // 2])
            bins = torch.searchsorted(ranks, middle, right=True)
            values["angle_median_global"] = float((bins + 0.5).mean()) / BINS_PER_DEGREE
        return values


def _median(values: Tensor) -> float:
    """Compute the median of `[n]`, n >= 1: of an even number, the mean of the two in the middle.

    NaN if one of the values is.
    """
    ordered = values.sort().values  # NaN last
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    return float(middle + 0 * ordered[-1])


class Normals(MapKind):
    """Takes three channels, a unit vector, as target and three outputs."""

    def loss_sums(self, outputs: Tensor, targets: Tensor) -> Sums:
        """Sum `1 - <n, n'>` with the prediction n' scaled to unit length."""
        normals = targets.transpose(0, 1)
        cosines = (F.normalize(outputs, dim=2) * normals).sum(2)
        return masked_sums(1 - cosines, (normals != 0).any(2))

    def metrics(self) -> Metrics:
        """Start sums and a histogram of angles."""
        return Angles()


def build() -> MapKind:
    """Build the kind."""
    return Normals()
