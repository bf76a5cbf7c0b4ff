"""ResNet18 of any width (He et al., CVPR 2016, https://arxiv.org/abs/1512.03385, Table 1).

With 512 features and the `imagenet` stem it has torchvision's layers and parameter names, which a
test checks; its own few lines save every training process torchvision's import.

A shortcut with a stride takes every second pixel and then a 1 x 1 convolution, which is the same:
in torch 2.13 the backward pass of a strided 1 x 1 convolution overruns its memory on a CPU where
channels are few (`channels_last`, oneDNN).
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn


class ProductConv2d(nn.Conv2d):
    """Computes a 3 x 3 convolution, padded by 1, of a map of at most 2 x 2 pixels as one product.

    The same to rounding. On a CPU, the gradient of such a convolution's weights takes torch 2.13
    up to twenty times as long as its output (oneDNN, of 256 channels and one pixel).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, inputs, H, W]` to `[B, outputs, H / stride, W / stride]`."""
        height, width = x.shape[2:]
        if max(height, width) > 2:
            return super().forward(x)
        rows, columns = (range(0, size, self.stride[0]) for size in (height, width))
        # For each pixel of the output, the input's pixels' weights: `[outputs, H, W, inputs]`.
        weights = [
            self.weight[:, :, 1 - i : 1 - i + height, 1 - j : 1 - j + width].permute(0, 2, 3, 1)
            for i in rows
            for j in columns
        ]
        y = F.linear(x.permute(0, 2, 3, 1).flatten(1), torch.cat(weights).flatten(1))
        return y.view(len(x), len(rows), len(columns), -1).permute(0, 3, 1, 2)


CONVOLUTIONS = {"convolution": nn.Conv2d, "product": ProductConv2d}


class Block(nn.Module):
    """Adds two 3 x 3 convolutions to a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int, small_maps: str) -> None:
        super().__init__()
        convolution = CONVOLUTIONS[small_maps]
        self.conv1 = convolution(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = convolution(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, inputs, H, W]` to `[B, outputs, H / stride, W / stride]`."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        strided = x[:, :, :: self.stride, :: self.stride]
        shortcut = x if self.downsample is None else self.downsample(strided)
        return F.relu(y + shortcut, inplace=True)


def stage(inputs: int, outputs: int, stride: int, small_maps: str) -> nn.Sequential:
    """Build the two blocks of one stage, the first of which changes size and channels."""
    first = Block(inputs, outputs, stride, small_maps)
    return nn.Sequential(first, Block(outputs, outputs, 1, small_maps))


class ResNet18(nn.Module):
    """Applies a stem and four stages of two blocks; averages over space or a grid of cells."""

    def __init__(self, width: int, stem: str, grid: int, small_maps: str) -> None:
        super().__init__()
        self.grid = grid
        large = stem == "imagenet"
        size, stride = (7, 2) if large else (3, 1)
        self.conv1 = nn.Conv2d(3, width, size, stride, padding=size // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1) if large else nn.Identity()
        self.layer1 = stage(width, width, 1, small_maps)
        self.layer2 = stage(width, 2 * width, 2, small_maps)
        self.layer3 = stage(2 * width, 4 * width, 2, small_maps)
        self.layer4 = stage(4 * width, 8 * width, 2, small_maps)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, 3, H, W]` to `[B, 8 * width * grid ** 2]`."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        if self.grid == 1:
            return x.mean((2, 3))
        cell = (x.shape[2] // self.grid, x.shape[3] // self.grid)
        return F.avg_pool2d(x, cell).flatten(1)


def build(
    features: int,
    *,
    stem: Literal["imagenet", "small"],
    grid: PositiveInt = 1,
    small_maps: Literal["convolution", "product"] = "convolution",
) -> nn.Module:
    """Map `[B, 3, H, W]` to `[B, features]`.

    Args:
        features: D, `8 * grid ** 2` times the width of the first stage.
        stem: Either `imagenet` (7 x 7, stride 2, max-pool) or `small` (3 x 3, stride 1, no pool).
        grid: Cells per side over which the last stage is averaged; each channel gives
            `grid ** 2` features. At 64 x 64 with the small stem, 2 is a 4 x 4 average pool.
        small_maps: What computes 3 x 3 convolutions of maps of at most 2 x 2 pixels: torch's
            `convolution`, or `product`, which is faster on a CPU (`ProductConv2d`).

    Raises:
        ValueError: `features` is no multiple of `8 * grid ** 2`.
    """
    unit = 8 * grid**2
    if features % unit:
        raise ValueError(f"`features` of resnet18 must be a multiple of {unit}. Found {features}.")
    return ResNet18(features // unit, stem, grid, small_maps)
