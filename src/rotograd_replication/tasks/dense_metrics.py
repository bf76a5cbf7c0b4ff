"""Metrics of dense tasks, added up batch by batch: no split's outputs are ever held at once.

Two conventions stand side by side. MTAN's: a mean, or a median, per batch, then the plain mean over
batches (https://github.com/lorenmt/mtan); LibMTL's, marked `_global`: over all valid pixels of the
split (https://github.com/median-research-group/LibMTL). mIoU and pixel accuracy come from one
confusion matrix in both. Batches without a valid pixel are left out of means over batches; a split
without one gives NaN. So does an output that is not finite, of whatever pixel, to every metric.

Each metric maps outputs `[B, C, H, W]` and targets `[B, c, H, W]`.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

NAN = float("nan")
THRESHOLDS = {"within_11_25": 11.25, "within_22_5": 22.5, "within_30": 30.0}  # degrees
# Bins of the histogram of angles: the global median is exact to half a bin, 0.0005 degrees.
BINS_PER_DEGREE = 1000


class Metric(ABC):
    """Takes batches and says what they amount to: NaN if one of their outputs was not finite."""

    def __init__(self) -> None:
        self.finite = True

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Count one batch."""
        self.finite &= bool(outputs.isfinite().all())
        self._count(outputs, targets)

    def compute(self) -> dict[str, float]:
        """Metric -> its value over all batches."""
        found = self._values()
        return found if self.finite else dict.fromkeys(found, NAN)

    @abstractmethod
    def _count(self, outputs: Tensor, targets: Tensor) -> None: ...

    @abstractmethod
    def _values(self) -> dict[str, float]: ...


class Segmentation(Metric):
    """mIoU and pixel accuracy, shares in `[0, 1]`, from one confusion matrix.

    The mean is over the classes that occur among targets or predictions; one that is only predicted
    counts 0. Label -1 is left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts = torch.zeros(0)

    def _count(self, outputs: Tensor, targets: Tensor) -> None:
        classes = outputs.shape[1]
        labels = targets[:, 0].long()
        valid = labels >= 0
        pairs = labels[valid] * classes + outputs.argmax(1)[valid]
        counts = torch.bincount(pairs, minlength=classes**2).double()
        self.counts = counts if not len(self.counts) else self.counts + counts

    def _values(self) -> dict[str, float]:
        matrix = self.counts.reshape(round(len(self.counts) ** 0.5), -1).cpu()
        right = matrix.diagonal()
        union = matrix.sum(0) + matrix.sum(1) - right
        return {
            "miou": float((right / union)[union != 0].mean()),
            "pixel_accuracy": float(right.sum() / matrix.sum()),
        }


class Running:
    """Named numbers in both conventions: sums over pixels, and means of batches."""

    def __init__(self) -> None:
        self.batches: list[Tensor] = []
        self.sums: list[Tensor] = []
        self.pixels = 0

    def add(self, values: Tensor) -> None:
        """Count one batch's `[numbers, valid pixels]`."""
        if values.shape[1]:
            self.batches.append(values.double().mean(1).cpu())
            self.sums.append(values.double().sum(1).cpu())
            self.pixels += values.shape[1]

    def compute(self, names: list[str]) -> dict[str, float]:
        """Each name and name + `_global`, with its value."""
        if not self.batches:
            return dict.fromkeys([*names, *(f"{name}_global" for name in names)], NAN)
        batches = torch.stack(self.batches).mean(0).tolist()
        whole = (torch.stack(self.sums).sum(0) / self.pixels).tolist()
        found = dict(zip(names, batches, strict=True))
        return found | {f"{name}_global": x for name, x in zip(names, whole, strict=True)}


class Depth(Metric):
    """Absolute error in metres and error relative to the true depth, where that is not 0."""

    def __init__(self) -> None:
        super().__init__()
        self.running = Running()

    def _count(self, outputs: Tensor, targets: Tensor) -> None:
        wanted = targets[:, 0]
        valid = wanted != 0
        wanted = wanted[valid]
        error = (outputs[:, 0][valid] - wanted).abs()
        self.running.add(torch.stack([error, error / wanted]))

    def _values(self) -> dict[str, float]:
        return self.running.compute(["abs_err", "rel_err"])


class Normals(Metric):
    """Angle between prediction and target in degrees: mean, median, shares (%) below thresholds.

    The median of a batch is exact; the global median is read from a histogram. A prediction of
    (0, 0, 0) has no angle and makes every metric NaN, as in MTAN and LibMTL, which divide by its
    length.
    """

    def __init__(self) -> None:
        super().__init__()
        self.running = Running()
        self.medians: list[float] = []
        self.histogram = torch.zeros(180 * BINS_PER_DEGREE, dtype=torch.long)

    def _count(self, outputs: Tensor, targets: Tensor) -> None:
        valid = (targets != 0).any(1)
        directions = outputs.double()  # whose squares neither overflow nor vanish
        directions = directions / directions.norm(dim=1, keepdim=True)
        angles = (directions * targets).sum(1)[valid].clamp(-1, 1).acos().rad2deg()
        undefined = 0 * angles  # NaN where the angle is
        shares = [100.0 * (angles < limit) + undefined for limit in THRESHOLDS.values()]
        self.running.add(torch.stack([angles, *shares]))
        if len(angles):
            self.medians.append(_median(angles))
            places = (angles.nan_to_num(0.0) * BINS_PER_DEGREE).long()
            places = places.clamp(max=len(self.histogram) - 1)  # 180 degrees is in the last bin
            self.histogram += torch.bincount(places, minlength=len(self.histogram)).cpu()

    def _values(self) -> dict[str, float]:
        found = self.running.compute(["angle_mean", *THRESHOLDS])
        found["angle_median"] = sum(self.medians) / len(self.medians) if self.medians else NAN
        found["angle_median_global"] = NAN
        if self.medians and found["angle_mean"] == found["angle_mean"]:
            ranks = self.histogram.cumsum(0)
            middle = torch.tensor([(ranks[-1] - 1) // 2, ranks[-1] // 2])
            bins = torch.searchsorted(ranks, middle, right=True)
            found["angle_median_global"] = float((bins + 0.5).mean()) / BINS_PER_DEGREE
        return found


def _median(values: Tensor) -> float:
    """The median of `[n]`, n >= 1: of an even number, the mean of the two in the middle.

    NaN if one of them is.
    """
    ordered = values.sort().values  # NaN last
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    return float(middle + 0 * ordered[-1])


METRICS: dict[str, type[Metric]] = {
    "segmentation": Segmentation,
    "depth": Depth,
    "normals": Normals,
}
