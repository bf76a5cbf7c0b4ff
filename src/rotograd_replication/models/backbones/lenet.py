"""A reduced LeNet for small square images of digits.

The paper names the network and prints no widths. The layers are those of Sener and Koltun's
two-digit experiment (https://github.com/isl-org/MultiObjectiveOptimization): two 5 x 5
convolutions of 10 and 20 channels, each with a max-pool and ReLU, and a linear layer.

Deviations: no dropout, so that all tasks see the same features at every step, and no ReLU after
the linear layer, so that rotations act on features of either sign.
"""

from pydantic import PositiveInt
from torch import nn


def build(features: int, *, in_channels: PositiveInt, side: PositiveInt = 28) -> nn.Module:
    """Map `[B, in_channels, side, side]` to `[B, features]`.

    Raises:
        ValueError: the image is too small for the two convolutions and pools.
    """
    pooled = ((side - 4) // 2 - 4) // 2
    if pooled < 1:
        raise ValueError(f"`side` of lenet must be at least 16 pixels. Found {side}.")
    return nn.Sequential(
        nn.Conv2d(in_channels, 10, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(10, 20, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(20 * pooled**2, features),
    )
