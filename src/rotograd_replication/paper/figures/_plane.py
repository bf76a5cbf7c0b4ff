"""Level sets, gradients and trajectories in a plane: what the toy figure is made of."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ...config import schema
from ...tasks import objectives

STEP = 1e-5


def value(task: schema.Task, points: np.ndarray) -> np.ndarray:
    """Compute the task's objective `phi` at `points`: `[..., 2]` -> `[...]`."""
    return getattr(objectives, task.kind)(points, task.shift, np)


def gradient(task: schema.Task, rotation: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Gradient of `phi(R z)` with respect to z by central differences: `[N, 2]` -> `[N, 2]`."""
    moves = STEP * np.eye(2)
    columns = [
        (value(task, (points + move) @ rotation.T) - value(task, (points - move) @ rotation.T))
        for move in moves
    ]
    return np.stack(columns, axis=-1) / (2 * STEP)


def rotation(run: pd.DataFrame, task: schema.Task) -> np.ndarray:
    """Return the final R_k of a run, the identity for methods without rotations."""
    columns = [f"rotation/{task.name}/{i}/{j}" for i in range(2) for j in range(2)]
    if not set(columns) <= set(run) or run[columns].iloc[-1].isna().any():
        return np.eye(2)
    return run[columns].iloc[-1].to_numpy(float).reshape(2, 2)


def levels(axes: Axes, task: schema.Task, turn: np.ndarray, limit: float, colour: str) -> None:
    """Level sets of `phi(R z)`, denser towards the optimum, which is starred."""
    side = np.linspace(-limit, limit, 220)
    points = np.stack(np.meshgrid(side, side), axis=-1)
    heights = value(task, points @ turn.T)
    optimum = turn.T @ np.full(2, task.shift)
    lowest = value(task, np.full(2, task.shift + 1e-9))
    spread = np.quantile(heights, 0.75) - lowest
    steps = lowest + spread * np.linspace(0.16, 1, 7) ** 2
    axes.contour(
        side, side, heights, steps, colors=colour, linewidths=0.6, alpha=0.55, linestyles="solid"
    )
    size = 13 if task.shift > 0 else 8  # both show where rotations bring them together
    star: dict[str, Any] = {"marker": "*", "markeredgecolor": "white", "markeredgewidth": 0.6}
    axes.plot(*optimum, color=colour, markersize=size, zorder=8 - size / 10, **star)


def path(axes: Axes, points: np.ndarray, colour: str, width: float = 1.2) -> None:
    """Draw a trajectory `[T, 2]`, from open to filled circle; a wide one shows under another."""
    axes.plot(*points.T, color=colour, linewidth=width, zorder=4)
    edge: dict[str, Any] = {"markeredgecolor": colour, "markersize": 3.5 + width, "zorder": 6}
    axes.plot(*points[0], "o", markerfacecolor="white", **edge)
    axes.plot(*points[-1], "o", markerfacecolor=colour, **edge)


def arrows(axes: Axes, points: np.ndarray, directions: np.ndarray, colour: str) -> None:
    """Draw unit arrows at `points` (`[N, 2]`): directions, not sizes."""
    lengths = np.linalg.norm(directions, axis=-1, keepdims=True)
    unit = directions / np.maximum(lengths, 1e-12)
    axes.quiver(
        *points.T, *unit.T, color=colour, angles="xy", scale_units="xy", scale=1.6, width=0.007,
        headwidth=4, zorder=5,
    )  # fmt: skip
