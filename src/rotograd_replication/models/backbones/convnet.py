"""Seven convolutions and two linear layers, for CelebA at 64 x 64.

The paper names a convolutional network with d = 512 and prints no layers. These are the layer facts
of the CelebA experiment of https://github.com/Cranial-XIX/FAMO: 3 x 3 convolutions of 64, 128, 128,
256, 256, 512 and 512 channels, a max-pool after the first, third and fifth, an average over space,
and two linear layers of 512; each layer is followed by batch normalisation and ReLU, without bias.
"""

from torch import nn

# Channels of each convolution in units of the first one's, and whether a max-pool follows.
LAYERS = [(1, True), (2, False), (2, True), (4, False), (4, True), (8, False), (8, False)]


def build(features: int) -> nn.Module:
    """Map `[B, 3, H, W]` to `[B, features]`, eight times the channels of the first convolution.

    Raises:
        ValueError: `features` is no multiple of 8.
    """
    if features % 8:
        raise ValueError(f"`features` of convnet must be a multiple of 8. Found {features}.")
    layers: list[nn.Module] = []
    inputs = 3
    for factor, pool in LAYERS:
        outputs = features // 8 * factor
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        layers += [nn.MaxPool2d(2)] if pool else []
        inputs = outputs
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    for _ in range(2):
        linear = nn.Linear(features, features, bias=False)
        layers += [linear, nn.BatchNorm1d(features), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
