"""Losses and metrics of tasks whose targets are maps: segmentation, depth, surface normals.

Source: MTAN (https://github.com/lorenmt/mtan, `im2im_pred/utils.py`). A loss is the mean over the
valid pixels of a batch: label -1, depth 0 and the normal (0, 0, 0) are not valid. Each loss maps
outputs `[K, B, C, H, W]` of K tasks of the kind and targets `[B, K, c, H, W]` to its sum and the
number of valid pixels, `[K]` each.

Deviation: a batch without a valid pixel has loss 0, where MTAN divides 0 by 0. MTAN calls a normal
invalid where its components sum to 0; here where all are 0, the value that marks one.
A predicted normal of (0, 0, 0) has loss 1, where MTAN's is NaN; its metrics are NaN here as there.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Sums = tuple[Tensor, Tensor]


def _masked(errors: Tensor, valid: Tensor) -> Sums:
    """Sum of `[K, B, H, W]` over valid pixels, and their number."""
    kept = torch.where(valid, errors, torch.zeros_like(errors))
    return kept.sum((1, 2, 3)), valid.sum((1, 2, 3))


def segmentation(outputs: Tensor, targets: Tensor) -> Sums:
    """Negative log-likelihood of the target's class."""
    labels = targets[:, :, 0].transpose(0, 1).long()
    likelihoods = F.log_softmax(outputs, 2).gather(2, labels.clamp_min(0)[:, :, None])
    return _masked(-likelihoods[:, :, 0], labels >= 0)


def depth(outputs: Tensor, targets: Tensor) -> Sums:
    """Absolute error, in metres."""
    wanted = targets[:, :, 0].transpose(0, 1)
    return _masked((outputs[:, :, 0] - wanted).abs(), wanted != 0)


def normals(outputs: Tensor, targets: Tensor) -> Sums:
    """`1 - <n, n'>` with the prediction n' scaled to unit length."""
    wanted = targets.transpose(0, 1)
    cosines = (F.normalize(outputs, dim=2) * wanted).sum(2)
    return _masked(1 - cosines, (wanted != 0).any(2))


LOSSES: dict[str, Callable[[Tensor, Tensor], Sums]] = {
    "segmentation": segmentation,
    "depth": depth,
    "normals": normals,
}
