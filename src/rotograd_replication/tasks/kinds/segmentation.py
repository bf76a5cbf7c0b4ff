"""Semantic segmentation: negative log-likelihood, mIoU and pixel accuracy.

A pixel with label -1 is not valid. mIoU and pixel accuracy come from one confusion matrix, in both
conventions of averaging (`_maps`).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ._maps import MapKind, Metrics, Sums, masked_sums

METRICS = {"miou": True, "pixel_accuracy": True}
DENSE = True
TARGETS = 1


class Confusion(Metrics):
    """Computes mIoU and pixel accuracy, shares in `[0, 1]`.

    The mean is over the classes that occur among targets or predictions; one that is only predicted
    counts 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts = torch.zeros(0)

    def _add(self, outputs: Tensor, targets: Tensor) -> None:
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


class Segmentation(MapKind):
    """Takes one channel of labels as target and one output per class."""

    def loss_sums(self, outputs: Tensor, targets: Tensor) -> Sums:
        """Sum the negative log-likelihood of the target's class."""
        labels = targets[:, :, 0].transpose(0, 1).long()
        likelihoods = F.log_softmax(outputs, 2).gather(2, labels.clamp_min(0)[:, :, None])
        return masked_sums(-likelihoods[:, :, 0], labels >= 0)

    def metrics(self) -> Metrics:
        """Start a confusion matrix."""
        return Confusion()


def build() -> MapKind:
    """Build the kind."""
    return Segmentation()
