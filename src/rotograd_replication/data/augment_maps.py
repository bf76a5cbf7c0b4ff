"""Augment images together with the maps of their scene; every sample draws its own.

Source: MTAN (https://github.com/lorenmt/mtan): a random crop scaled back to full size, and a mirror
image. Targets `[B, 5, H, W]` are label, depth, normal x, y, z, as `data/datasets/nyuv2` makes them;
x is a batch of images `[B, C, H, W]` of any type.
"""

import torch
from torch import Tensor

from ..runtime.device import send

SCALES = (1.0, 1.2, 1.5)
NEAREST = slice(0, 2)  # label and depth: values between two surfaces belong to neither
DEPTH, NORMAL, NORMAL_X = 1, slice(2, 5), 2


def scene_flip(x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mirror a scene left to right with probability 1/2; normals then point the other way in x."""
    chosen = send(torch.rand(len(x), generator=generator) < 0.5, x.device)[:, None, None, None]
    mirrored = y.flip(3)
    mirrored[:, NORMAL_X] *= -1
    return torch.where(chosen, x.flip(3), x), torch.where(chosen, mirrored, y)


def scene_crop(x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Enlarge a random part of 1/s of height and width, s from `SCALES`, to the whole.

    Images and normals are interpolated (bilinear, corners aligned), labels and depths are their
    nearest pixel's, and depths are divided by s: what looks larger is nearer.
    """
    count, _, height, width = x.shape
    scales = torch.tensor(SCALES)[torch.randint(len(SCALES), (count,), generator=generator)]
    places = torch.rand(2, count, generator=generator)
    starts, sizes = [], []
    for length, place in zip((height, width), places, strict=True):
        size = (length / scales).floor().long()
        sizes.append(size)
        starts.append((place * (length - size + 1)).floor().long())  # each start alike
    smooth = [_between(n, at, size) for n, at, size in zip(x.shape[2:], starts, sizes, strict=True)]
    sharp = [
        at[:, None] + (torch.arange(n) * size[:, None]) // n
        for n, at, size in zip(x.shape[2:], starts, sizes, strict=True)
    ]
    maps = _take(_take(y[:, NEAREST], sharp[0], 2), sharp[1], 3)
    maps[:, DEPTH] /= send(scales, y.device)[:, None, None]
    return _interpolate(x, smooth), torch.cat([maps, _interpolate(y[:, NORMAL], smooth)], 1)


def _between(length: int, start: Tensor, size: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Find for each of `length` pixels the two of the crop between which it is, and how far.

    Args:
        length: Pixels of the whole.
        start: Of each sample's crop, `[B]`.
        size: Of each sample's crop, in pixels, `[B]`.

    Returns:
        Lower and upper pixel and the share of the upper one, `[B, length]` each.
    """
    steps = torch.arange(length)
    numerator = steps * (size[:, None] - 1)  # in whole numbers, so that s = 1 moves nothing
    last = max(length - 1, 1)
    lower = numerator // last
    upper = (lower + 1).clamp_max(size[:, None] - 1)
    share = (numerator % last) / last
    return start[:, None] + lower, start[:, None] + upper, share


def _interpolate(maps: Tensor, axes: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """Interpolate maps along both axes, in float32."""
    maps = maps.float()
    for dimension, (lower, upper, share) in enumerate(axes, 2):
        share = send(share, maps.device)[:, None]
        weight = share[:, :, :, None] if dimension == 2 else share[:, :, None]
        low, high = _take(maps, lower, dimension), _take(maps, upper, dimension)
        maps = torch.lerp(low, high, weight)
    return maps


def _take(maps: Tensor, places: Tensor, dimension: int) -> Tensor:
    """Take each sample's rows (dimension 2) or columns (3) at its own places `[B, length]`."""
    shape = [len(maps), 1, 1, 1]
    shape[dimension] = -1
    size = [*maps.shape]
    size[dimension] = places.shape[1]
    return maps.gather(dimension, send(places, maps.device).view(shape).expand(size))
