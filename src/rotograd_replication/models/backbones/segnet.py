"""SegNet, encoder and decoder shared by all tasks: MTAN's `split` network without its heads.

Source: https://github.com/lorenmt/mtan, `model_segnet_split.py`, type `standard`. Level i of the
encoder is a block to `filters[i]` channels, one more block (levels 0 and 1) or two more (from level
2), and a 2 x 2 max-pool; the decoder mirrors it with max-unpools at the places of the maxima. A
block is a 3 x 3 convolution, batch normalisation and ReLU. Weights are Xavier-normal, biases zero.
"""

import itertools

import torch.nn.functional as F
from torch import Tensor, nn


def block(inputs: int, outputs: int) -> nn.Sequential:
    """Build a 3 x 3 convolution, batch normalisation and ReLU."""
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
    nn.init.xavier_normal_(convolution.weight)
    nn.init.zeros_(convolution.get_parameter("bias"))
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def level(number: int, inputs: int, outputs: int) -> nn.Sequential:
    """Build the blocks of one level, the first of which changes the number of channels."""
    more = 1 if number < 2 else 2
    return nn.Sequential(block(inputs, outputs), *(block(outputs, outputs) for _ in range(more)))


class SegNet(nn.Module):
    """Pools `len(filters)` times and unpools as often."""

    def __init__(self, features: int, filters: list[int]) -> None:
        super().__init__()
        self.features = features
        down = itertools.pairwise([3, *filters])
        up = itertools.pairwise([*filters[::-1], filters[0]])
        numbers = range(len(filters))
        self.encoder = nn.ModuleList(level(i, *pair) for i, pair in zip(numbers, down, strict=True))
        self.decoder = nn.ModuleList(
            level(i, *pair) for i, pair in zip(reversed(numbers), up, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, 3, H, W]` to the flattened map `[B, filters[0] * H * W]`.

        Raises:
            ValueError: the map does not hold the configured number of features.
        """
        pooled = []
        for encode in self.encoder:
            x = encode(x)
            size = x.shape[2:]
            x, indices = F.max_pool2d(x, 2, return_indices=True)
            pooled.append((indices, size))
        for decode in self.decoder:
            indices, size = pooled.pop()
            x = decode(unpool(x, indices, size))
        if x[0].numel() != self.features:
            raise ValueError(
                "`features` of segnet must be filters[0] x height x width of the images, "
                f"{x[0].numel()}. Found {self.features}."
            )
        return x.flatten(1)


def unpool(x: Tensor, indices: Tensor, size: tuple[int, ...]) -> Tensor:
    """Put each value where its maximum was in a map `[B, C, *size]`, zeros elsewhere.

    `F.max_unpool2d` as a scatter: indices of windows that do not overlap never collide, so the
    result is deterministic, which torch cannot know of `max_unpool2d`.
    """
    whole = x.new_zeros(*x.shape[:2], size[0] * size[1])
    return whole.scatter(2, indices.flatten(2), x.flatten(2)).unflatten(2, size)


def build(features: int, *, filters: list[int]) -> nn.Module:
    """Map `[B, 3, H, W]` to `[B, features]`.

    Args:
        features: `filters[0] * H * W`.
        filters: The channels of each level, finest first.

    Raises:
        ValueError: There is no level.
    """
    if not filters:
        raise ValueError("`filters` of segnet must have at least one level. Found none.")
    return SegNet(features, filters)
