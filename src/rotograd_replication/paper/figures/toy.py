"""Figure 1: two tasks that no shared point can solve, and rotations that let one point solve both.

Lines are the way of the first seed; small dots are where every seed ends, as each task sees it, and
a panel says how many seeds end at both tasks' optimum. Source: RotoGrad, section 4; the last row is
the official code's example. A column is a method: the network without rotations, and RotoGrad.
"""

import itertools
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...config import schema
from ...results.tidy import Results
from . import _plane, _style

NEEDS = {
    "some_method": "joint",
    "kinds": ["avocado", "multimodal"],
    "most_tasks": 5,
    "features": 2,
}
CONVEX = "avocado"  # the kind whose level sets are drawn in the plane of z
PANELS = {
    "toy_convex": "(a) Convex",
    "toy_nonconvex": "(b) Non-convex",
    "toy_official": "(b) Official example",
}  # others, and these on other data, have their experiment's title
LIMIT = 3.6  # of the axes, wider where a trajectory needs it
REACHED = 0.1  # above the optimum's value, as in claim 1
ARROWS = 4
SIDE = 2.75  # inches of a panel
# Of each task's way and ends: the first ones show under the others.
WIDTHS = (2.6, 1.2, 1.2, 1.2, 1.2)
SIZES = (3.6, 2.2, 2.2, 2.2, 2.2)


def build(
    results: dict[str, Results], study: schema.Study, datasets: dict[str, schema.Dataset]
) -> tuple[Figure, pd.DataFrame]:
    """Draw a row per problem, a column per method that trains its tasks together."""
    problems = {name: study.experiments[name] for name in results}
    tasks = {name: datasets[e.dataset].tasks for name, e in problems.items()}
    entries = [entry for e in problems.values() for entry in e.methods.items()]
    columns = list(dict.fromkeys(name for name, method in entries if not method.separate))
    size = (max(_style.PAGE, SIDE * len(columns)), 0.5 + 2.6 * len(problems))
    drawing = _style.figure(*size)
    grid = drawing.subplots(len(problems), len(columns), squeeze=False)
    drawn = []
    for row, (problem, experiment) in zip(grid, problems.items(), strict=True):
        own = experiment.dataset == problem and problem in PANELS
        title = PANELS[problem] if own else experiment.title
        history = results[problem].finished
        places = history.filter(regex="^(feature|view)/").abs().to_numpy()
        limit = max(LIMIT, 1.05 * np.nanmax(places, initial=0))
        for axes, name in zip(row, columns, strict=True):
            if name not in experiment.methods:
                axes.set_axis_off()
                continue
            runs = history[history["method"] == name].sort_values(["seed", "epoch"])
            axes.set_title(f"{title}: {experiment.methods[name].label}")
            axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
            if runs.empty:
                _style.nothing(axes)
                continue
            run = runs[runs["seed"] == runs["seed"].min()]
            ends = runs.groupby("seed").tail(1)
            draw = _in_z if _convex(tasks[problem]) else _in_r
            parts = [draw(axes, run, tasks[problem], limit), _ends(axes, run, ends, tasks[problem])]
            drawn.append(pd.concat(parts).assign(problem=problem, method=name))
    _legend(drawing, list(tasks.values()))
    return drawing, pd.concat(drawn) if drawn else pd.DataFrame()


def _convex(tasks: list[schema.Task]) -> bool:
    return all(task.kind == CONVEX for task in tasks)


def _points(run: pd.DataFrame, prefix: str) -> np.ndarray:
    return run[[f"{prefix}/0", f"{prefix}/1"]].to_numpy(float)


def _table(run: pd.DataFrame, what: str, points: np.ndarray) -> pd.DataFrame:
    seed, epoch = run["seed"].to_numpy(), run["epoch"].to_numpy()
    columns = {"seed": seed, "epoch": epoch, "drawn": what, "x": points[:, 0], "y": points[:, 1]}
    return pd.DataFrame(columns)


def _in_z(axes: Axes, run: pd.DataFrame, tasks: list[schema.Task], limit: float) -> pd.DataFrame:
    """Level sets pulled back by the final R_k, the way of z, and where each task would go."""
    z = _points(run, "feature")
    moved = np.cumsum(np.r_[0, np.linalg.norm(np.diff(z, axis=0), axis=1)])
    at = z[np.searchsorted(moved, np.linspace(0.02, 0.75, ARROWS) * moved[-1])]
    parts = [_table(run, "z", z)]
    for task, colour in zip(tasks, _style.TASKS, strict=False):
        turn = _plane.rotation(run, task)
        _plane.levels(axes, task, turn, limit, colour)
        _plane.arrows(axes, at, -_plane.gradient(task, turn, at), colour)
        optimum = (turn.T @ np.full(2, task.shift))[None]
        parts.append(_table(run.tail(1), f"optimum of {task.name}", optimum))
    _plane.path(axes, z, "#111111")
    axes.set(xlabel="$z_1$", ylabel="$z_2$")
    return pd.concat(parts)


def _in_r(axes: Axes, run: pd.DataFrame, tasks: list[schema.Task], limit: float) -> pd.DataFrame:
    """Each task's own level sets, and the way of its view r_k."""
    parts = []
    for task, colour, width in zip(tasks, _style.TASKS, WIDTHS, strict=False):
        _plane.levels(axes, task, np.eye(2), limit, colour)
        points = _points(run, f"view/{task.name}")
        _plane.path(axes, points, colour, width)
        parts.append(_table(run, f"r of {task.name}", points))
        parts.append(_table(run.tail(1), f"optimum of {task.name}", np.full((1, 2), task.shift)))
    axes.set(xlabel="$r_{k,1}$", ylabel="$r_{k,2}$")
    return pd.concat(parts)


def _ends(
    axes: Axes, run: pd.DataFrame, ends: pd.DataFrame, tasks: list[schema.Task]
) -> pd.DataFrame:
    """Where every seed ends, `r_k`, in each task's level sets, and how many reach both optima."""
    parts = []
    reached = np.ones(len(ends), dtype=bool)
    for task, colour, size in zip(tasks, _style.TASKS, SIZES, strict=False):
        turn = _plane.rotation(run, task) if _convex(tasks) else np.eye(2)
        points = _points(ends, f"view/{task.name}") @ turn
        edge: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.3}
        axes.plot(*points.T, "o", color=colour, markersize=size, zorder=9 - size / 4, **edge)
        parts.append(_table(ends, f"end of r of {task.name}", points))
        lowest = _plane.value(task, np.full(2, task.shift + 1e-9))
        reached &= (ends[f"val_objective/{task.name}"] < lowest + REACHED).to_numpy()
    which = "both" if len(tasks) == 2 else "all"
    axes.text(
        0.03, 0.03, f"at {which} optima in the end: {reached.sum()} of {len(ends)} seeds",
        fontsize=6, transform=axes.transAxes, zorder=9,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip
    return pd.concat(parts)


def _legend(drawing: Figure, problems: list[list[schema.Task]]) -> None:
    handles = []
    for colour, tasks in zip(_style.TASKS, itertools.zip_longest(*problems), strict=False):
        labels = dict.fromkeys(task.label for task in tasks if task)
        handles.append(Line2D([], [], color=colour, label=" / ".join(labels)))
    grey: dict[str, Any] = {"color": "#444444", "linestyle": ""}
    handles += [
        Line2D([], [], marker="*", label="optimum", markersize=8, **grey),
        Line2D([], [], marker="o", markerfacecolor="white", label="start", markersize=4, **grey),
        Line2D([], [], marker="o", label="end", markersize=4, **grey),
        Line2D([], [], marker=r"$\rightarrow$", label="descent of a task", markersize=9, **grey),
        Line2D([], [], marker="o", label="end of every seed", markersize=2.5, **grey),
    ]
    drawing.legend(handles=handles, loc="outside upper center", ncols=4)
