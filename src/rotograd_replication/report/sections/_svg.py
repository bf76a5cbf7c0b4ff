"""Lines and intervals as inline SVG: a few attributes, no library in the page."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.markers import MarkerStyle

from ...config.schema import Method


def path(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> str:
    """Write the `d` of a line through points; it has a gap where a value is not finite."""
    parts, pen = [], "M"
    for a, b in zip(x, y, strict=True):
        if np.isfinite(b):
            parts.append(f"{pen}{a:.1f} {b:.1f}")
        pen = "L" if np.isfinite(b) else "M"
    return "".join(parts)


def across(value: float, low: float, high: float, width: float, pad: float = 6) -> float:
    """Map a value from `low` to `high` to pixels from the left of a strip."""
    return round(pad + (value - low) / ((high - low) or 1.0) * (width - 2 * pad), 1)


def swatch(method: Method) -> dict[str, Any]:
    """Draw what marks a method everywhere: its colour, and its marker as in the figures."""
    style = MarkerStyle(method.marker)
    outline = style.get_path().transformed(style.get_transform())
    parts = [np.asarray(part, float) for part in outline.to_polygons(closed_only=False)]
    size = max(float(np.abs(part).max()) for part in parts)
    drawn = "".join(
        path(7 + 5.5 * part[:, 0] / size, 7 - 5.5 * part[:, 1] / size) for part in parts
    )
    objective = method.parameters.get("objective")
    hollow = not style.is_filled() or (objective is not None and objective.value == "task_loss")
    return {"colour": method.colour, "label": method.label, "path": drawn, "hollow": hollow}
