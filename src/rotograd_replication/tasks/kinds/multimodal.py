"""The toy's objective with several optima."""

from ..objectives import multimodal
from ._objective import Objective
from ._scalar import ScalarKind

METRICS = {"objective": False}
DENSE = False
TARGETS = 1


def build() -> ScalarKind:
    """Build the kind."""
    return Objective(multimodal)
