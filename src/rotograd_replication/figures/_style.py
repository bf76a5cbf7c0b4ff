"""One look for all figures: sizes of a paper's columns, colour-blind safe, the same bytes twice.

Statistics over seeds and epochs are drawn by seaborn (`_epochs`, `_sweep`), the rest by matplotlib.
"""

import textwrap
from contextlib import AbstractContextManager

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import render, schema

COLUMN, PAGE = 3.4, 7.0  # inches
# Tasks: Okabe and Ito's palette; methods bring their own colours from the configuration.
TASKS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"]
SETTINGS = {
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
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
    """The settings, for the time of a `with` block."""
    return mpl.rc_context({**mpl.rcParamsDefault, **SETTINGS, "backend": "agg"})


def figure(width: float, height: float) -> Figure:
    """An empty figure that lays itself out; sizes in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def panels(count: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """A page-wide grid of `count` panels, rows `height` inches high, without empty frames."""
    rows = -(-count // columns)
    drawing = figure(PAGE, rows * height + 0.5)
    grid = drawing.subplots(rows, columns, squeeze=False).ravel()
    for empty in grid[count:]:
        empty.set_axis_off()
    return drawing, list(grid[:count])


def legend(drawing: Figure, grid: list[Axes], columns: int) -> None:
    """One legend above all panels, each label once."""
    handles = {}
    for axes in grid:
        handles |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    drawing.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=columns)


def label(method: schema.Method) -> str:
    """A method's label, with its rotations as a formula."""
    return method.label.replace("R_k", "$R_k$")


def sign(drawing: Figure, caption: str) -> None:
    """Print the caption under the figure, so that an image alone says what its data are."""
    width = int(drawing.get_figwidth() * 22)
    colour = "#b00020" if caption.startswith(render.STANDIN) else "#555555"
    text = textwrap.fill(caption, width, break_on_hyphens=False)
    drawing.supxlabel(text, fontsize=6, color=colour, x=0.01, ha="left")
