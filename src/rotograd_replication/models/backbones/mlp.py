"""The toy's backbone, 2-10-2: `z = W2 max(W1 x + b1, 0) + b2` (paper, section 4)."""

from pydantic import PositiveInt
from torch import nn


def build(features: int, *, hidden: PositiveInt) -> nn.Module:
    """Map `[B, 2]` to `[B, features]`."""
    return nn.Sequential(nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, features))
