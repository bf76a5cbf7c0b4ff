"""Augment a whole batch at once: every sample draws its own, none costs a Python step.

Each maps images and targets of a batch to the same shapes: those of this file move images alone and
keep their type, those of `augment_maps` move the maps with them. Numbers are drawn on the
generator's device (the CPU), so that a seed gives the same batches on every machine.
"""

from collections.abc import Callable

import torch

from ..runtime.device import send
from .augment_maps import scene_crop, scene_flip

Augmentation = Callable[
    [torch.Tensor, torch.Tensor, torch.Generator], tuple[torch.Tensor, torch.Tensor]
]
PADDING = 4


def flip(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror each image left to right with probability 1/2."""
    chosen = send(torch.rand(len(x), generator=generator) < 0.5, x.device)
    return torch.where(chosen[:, None, None, None], x.flip(3), x)


def crop(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Move each image by up to 4 whole pixels along both axes; zeros come in at the edges.

    The same as a random crop of the original size from the image padded by 4 pixels of zeros.
    """
    count, _, height, width = x.shape
    offsets = torch.randint(2 * PADDING + 1, (2, count, 1), generator=generator)
    offsets = send(offsets, x.device)
    rows = offsets[0] + torch.arange(height, device=x.device)
    columns = offsets[1] + torch.arange(width, device=x.device)
    padded = torch.nn.functional.pad(x, (PADDING,) * 4).permute(0, 2, 3, 1)
    samples = torch.arange(count, device=x.device)[:, None, None]
    # Gathered as [B, H, W, C], which is `channels_last` once permuted.
    return padded[samples, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def images_alone(move: Callable[[torch.Tensor, torch.Generator], torch.Tensor]) -> Augmentation:
    """Make an augmentation under which targets stay what they are."""
    return lambda x, y, generator: (move(x, generator), y)


AUGMENTATIONS: dict[str, Augmentation] = {
    "flip": images_alone(flip),
    "crop": images_alone(crop),
    "scene_crop": scene_crop,
    "scene_flip": scene_flip,
}
