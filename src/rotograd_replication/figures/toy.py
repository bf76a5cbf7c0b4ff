"""Figure 1: two tasks that no shared point can solve, and rotations that let one point solve both.

Source: RotoGrad, section 4. Left, the network without rotations; right, RotoGrad.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .. import schema
from ..results import Results
from . import _plane, _style

METHODS = ("vanilla", "rotograd")
CONVEX, NONCONVEX = "toy_convex", "toy_nonconvex"
PANELS = {CONVEX: "(a) Convex", NONCONVEX: "(b) Non-convex"}
LIMIT = 3.6  # of the axes, wider where a trajectory needs it
ARROWS = 4


def build(
    results: dict[str, Results], study: schema.Study, datasets: dict[str, schema.Dataset]
) -> tuple[Figure, pd.DataFrame]:
    """Two problems by two methods; the first seed of each."""
    problems = [name for name in PANELS if name in results]
    drawing = _style.figure(_style.PAGE, 0.5 + 2.6 * len(problems))
    grid = drawing.subplots(len(problems), len(METHODS), squeeze=False)
    drawn = []
    for row, problem in zip(grid, problems, strict=True):
        experiment = study.experiments[problem]
        tasks = datasets[experiment.dataset].tasks
        history = results[problem].history
        places = history.filter(regex="^(feature|view)/").abs().to_numpy()
        limit = max(LIMIT, 1.05 * np.nanmax(places))
        for axes, name in zip(row, METHODS, strict=True):
            run = history[(history["method"] == name)]
            run = run[run["seed"] == run["seed"].min()].sort_values("epoch")
            draw = _in_z if problem == CONVEX else _in_r
            drawn.append(draw(axes, run, tasks, limit).assign(problem=problem, method=name))
            axes.set_title(f"{PANELS[problem]}: {experiment.methods[name].label}")
            axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    tasks = datasets[study.experiments[problems[0]].dataset].tasks
    _legend(drawing, [task.label for task in tasks])
    return drawing, pd.concat(drawn)


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
    for task, colour, width in zip(tasks, _style.TASKS, (2.6, 1.2), strict=False):
        _plane.levels(axes, task, np.eye(2), limit, colour)
        points = _points(run, f"view/{task.name}")
        _plane.path(axes, points, colour, width)
        parts.append(_table(run, f"r of {task.name}", points))
        parts.append(_table(run.tail(1), f"optimum of {task.name}", np.full((1, 2), task.shift)))
    axes.set(xlabel="$r_{k,1}$", ylabel="$r_{k,2}$")
    return pd.concat(parts)


def _legend(drawing: Figure, tasks: list[str]) -> None:
    handles = [Line2D([], [], color=c, label=t) for t, c in zip(tasks, _style.TASKS, strict=False)]
    grey = {"color": "#444444", "linestyle": ""}
    handles += [
        Line2D([], [], marker="*", label="optimum", markersize=8, **grey),
        Line2D([], [], marker="o", markerfacecolor="white", label="start", markersize=4, **grey),
        Line2D([], [], marker="o", label="end", markersize=4, **grey),
        Line2D([], [], marker=r"$\rightarrow$", label="descent of a task", markersize=9, **grey),
    ]
    drawing.legend(handles=handles, loc="outside upper center", ncols=3)
