"""The toy's convex objective."""

from ..objectives import avocado
from ._objective import Objective
from ._scalar import ScalarKind

METRICS = {"objective": False}
DENSE = False
TARGETS = 1


def build() -> ScalarKind:
    """Build the kind."""
    return Objective(avocado)
