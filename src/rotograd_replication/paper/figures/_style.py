"""One look for all figures: sizes of a paper's columns, colour-blind safe, the same bytes twice.

Statistics over seeds of a sweep are drawn by seaborn (`_sweep`), the rest by matplotlib.
"""

import textwrap
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...config import schema
from ..caption import STANDIN

# Inches: a figure that text flows around, and the width of ICLR's text.
COLUMN, PAGE = 3.4, 5.5
GAP = 0.06  # between labels next to line ends, of the height of the axes
# Drawn wider and above the others: what the paper compares.
FOCUS = ("vanilla", "rotograd")
# Tasks: Okabe and Ito's palette, its blue darkened to differ from its red in grey too. Methods
# bring their own colours from the configuration.
TASKS = ["#00659d", "#d55e00", "#009e73", "#cc79a7", "#e69f00"]
SETTINGS: dict[Any, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 250,
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "legend.fontsize": 6,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "pdf.fonttype": 42,
    "svg.hashsalt": "rotograd",
    "path.simplify": True,
}


def context() -> AbstractContextManager[None]:
    """Set the settings for the time of a `with` block."""
    return mpl.rc_context({**mpl.rcParamsDefault, **SETTINGS, "backend": "agg"})


def figure(width: float, height: float) -> Figure:
    """Make an empty figure that lays itself out; sizes in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def panels(count: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """Make a page-wide grid of `count` panels, rows `height` inches high, no empty frames."""
    rows = -(-count // columns)
    drawing = figure(PAGE, rows * height + 0.5)
    grid = drawing.subplots(rows, columns, squeeze=False).ravel()
    for empty in grid[count:]:
        empty.set_axis_off()
    return drawing, list(grid[:count])


def legend(drawing: Figure, grid: list[Axes], columns: int) -> None:
    """One legend above all panels, each label once."""
    handles: dict[str, Artist] = {}
    for axes in grid:
        handles |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    drawing.legend(list(handles.values()), list(handles), loc="outside upper center", ncols=columns)


def label(method: schema.Method) -> str:
    """Write a method's label, with its rotations as a formula."""
    return method.label.replace("R_k", "$R_k$")


def look(name: str, method: schema.Method) -> dict[str, Any]:
    """Give a method's colour, marker and line: the same everywhere, distinct without colour."""
    objective = method.parameters.get("objective")
    hollow = objective is not None and objective.value == "task_loss"
    focus = name in FOCUS
    return {
        "color": method.colour,
        "marker": method.marker,
        "markersize": 3,
        "markerfacecolor": "white" if hollow else method.colour,
        "markeredgecolor": method.colour,
        "markeredgewidth": 0.7 if hollow or method.marker in "x4" else 0,
        "linestyle": (0, (3, 1.2)) if hollow else "-",
        "linewidth": 1.5 if focus else 0.8,
        "zorder": 4 if focus else 3,
        "label": label(method),
    }


def nothing(axes: Axes, why: str = "no finished runs") -> None:
    """Say in the middle of a panel why it is empty."""
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color="#888888")


def ends(axes: Axes, lines: dict[str, float], looks: dict[str, dict[str, Any]]) -> None:
    """Label the ends of lines, in the order of the ends, moved apart where they would meet.

    Args:
        axes: where the lines are drawn, their last point at the right edge.
        lines: name -> y of the line's end, in data coordinates.
        looks: name -> what `look` says of it.
    """
    from scipy.optimize import isotonic_regression  # 0.4 s, which most figures need not wait for

    low, high = axes.get_ylim()
    order = sorted(lines, key=lines.__getitem__)
    ideal = np.array([(lines[name] - low) / (high - low) for name in order])
    apart = GAP * np.arange(len(order))
    places = isotonic_regression(ideal - apart).x + apart  # the nearest that stand GAP apart
    places += min(0.0, 1.0 - places[-1])
    for name, y, at in zip(order, places, ideal, strict=True):
        style = {key: looks[name][key] for key in ("color", "linestyle", "linewidth")}
        join = {"transform": axes.transAxes, "clip_on": False, "alpha": 0.6}
        axes.plot([1.0, 1.07], [at, y], **style | join | {"linewidth": 0.5})
        mark = {k: v for k, v in looks[name].items() if k not in ("label", "zorder", "linewidth")}
        axes.plot([1.1], [y], transform=axes.transAxes, clip_on=False, **mark)
        axes.text(
            1.15, y, looks[name]["label"], transform=axes.transAxes, va="center", fontsize=6,
            color="#222222",
        )  # fmt: skip


def sign(drawing: Figure, caption: str) -> None:
    """Print the caption under the figure, so that an image alone says what its data are."""
    width = int(drawing.get_figwidth() * 26)
    colour = "#b00020" if caption.startswith(STANDIN) else "#555555"
    text = textwrap.fill(caption, width, break_on_hyphens=False)
    drawing.supxlabel(text, fontsize=5, color=colour, x=0.01, ha="left")
