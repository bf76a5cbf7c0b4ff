"""K convolutional heads on a feature map that z holds flattened, C-H-W.

Source: MTAN's heads (https://github.com/lorenmt/mtan, `model_segnet_split.py`): a 3 x 3 and a 1 x 1
convolution, no non-linearity between, Xavier-normal weights, zero biases.
"""

import itertools
import math

from torch import Tensor, nn


class Convolutions(nn.Module):
    """Computes K heads of one shape as grouped convolutions: 3 x 3, and the last one 1 x 1."""

    def __init__(self, tasks: int, shape: list[int], widths: list[int]) -> None:
        super().__init__()
        self.shape = shape
        self.layers = nn.Sequential()
        pairs = list(itertools.pairwise(widths))
        for i, (inputs, outputs) in enumerate(pairs):
            size = 1 if i == len(pairs) - 1 else 3
            layer = nn.Conv2d(
                tasks * inputs, tasks * outputs, size, padding=size // 2, groups=tasks
            )
            for weight in layer.weight.data.split(outputs):  # one task's, with its own fan
                nn.init.xavier_normal_(weight)
            nn.init.zeros_(layer.get_parameter("bias"))
            self.layers.append(layer)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[K, B, C * H * W]` to `[K, B, outputs, H, W]`."""
        tasks, batch = x.shape[:2]
        maps = x.view(tasks, batch, *self.shape)
        together = maps[0] if tasks == 1 else maps.transpose(0, 1).flatten(1, 2)
        return self.layers(together).unflatten(1, (tasks, -1)).transpose(0, 1)


def build(
    tasks: int, outputs: int, features: int, hidden: list[int], *, shape: list[int]
) -> nn.Module:
    """Build `tasks` heads with `hidden` inner channels and `outputs` maps each.

    Args:
        tasks: K.
        outputs: The channels of the output.
        features: D, the length of the flattened map.
        hidden: The channels of the 3 x 3 convolutions.
        shape: The map's channels, height and width.

    Raises:
        ValueError: `shape` does not hold `features` numbers.
    """
    if len(shape) != 3 or math.prod(shape) != features:
        raise ValueError(
            f"`shape` of the heads must be [C, H, W] with C x H x W = {features}, the network's "
            f"features. Found {shape}."
        )
    return Convolutions(tasks, shape, [shape[0], *hidden, outputs])
