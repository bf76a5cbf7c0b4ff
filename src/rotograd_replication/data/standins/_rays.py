"""Rays from a camera into a room of boxes: exact distances and normals, all pixels at once."""

from collections.abc import Sequence

import numpy as np

Vector = Sequence[float] | np.ndarray
FIELD_OF_VIEW = 60.0  # degrees, across the width: about the Kinect's


class Boxes:
    """Boxes turned about the vertical, inside a room centred at the origin; y points down.

    Attributes:
        labels: class of each face of the room (-x, x, -y, y, -z, z), then of each box.
    """

    def __init__(self, labels: list[int]) -> None:
        self.centres: list[np.ndarray] = []
        self.halves: list[np.ndarray] = []
        self.turns: list[float] = []
        self.labels = np.array(labels)

    def add(self, label: int, centre: Vector, half: Vector, turn: float = 0.0) -> None:
        """Add one box of a class: centre, half sizes (x, y, z) in metres, turn in radians."""
        self.centres.append(np.asarray(centre, float))
        self.halves.append(np.asarray(half, float))
        self.turns.append(turn)
        self.labels = np.append(self.labels, label)

    def stand(self, label: int, foot: Vector, turn: float, offset: Vector, half: Vector) -> None:
        """Add a part of something that stands at `foot`: `offset` is right of it, above, behind."""
        right, up, behind = offset
        centre = foot + about_vertical(turn) @ np.array([right, -up, behind])
        self.add(label, centre, half, turn)

    def cast(
        self, eye: np.ndarray, rays: np.ndarray, room: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give distances in units of each ray `[P]`, normals `[P, 3]`, indices in `labels`."""
        far = (np.sign(rays) * room - eye) / rays
        axis = far.argmin(1)
        pixels = np.arange(len(rays))
        nearest = far[pixels, axis]
        side = np.sign(rays[pixels, axis])
        normal = np.zeros_like(rays)
        normal[pixels, axis] = -side
        found = 2 * axis + (side > 0)
        for i, (centre, half, turn) in enumerate(
            zip(self.centres, self.halves, self.turns, strict=True)
        ):
            own = about_vertical(turn)
            start, ray = (eye - centre) @ own, rays @ own
            one, other = (-half - start) / ray, (half - start) / ray
            entries = np.minimum(one, other)
            entry, leave = entries.max(1), np.maximum(one, other).min(1)
            hit = (entry < leave) & (entry > 0) & (entry < nearest)
            face = entries.argmax(1)
            local = np.zeros_like(rays)
            local[pixels, face] = -np.sign(ray[pixels, face])
            nearest = np.where(hit, entry, nearest)
            normal = np.where(hit[:, None], local @ own.T, normal)
            found = np.where(hit, 6 + i, found)
        return nearest, normal, found


def about_vertical(angle: float) -> np.ndarray:
    """Give the rotation by `angle` about the vertical axis y."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def directions(height: int, width: int) -> np.ndarray:
    """Give the rays of all pixels in the camera's frame, `[H * W, 3]`, their z 1."""
    focal = width / 2 / np.tan(np.radians(FIELD_OF_VIEW / 2))
    x = (np.arange(width) + 0.5 - width / 2) / focal
    y = (np.arange(height) + 0.5 - height / 2) / focal
    # Never exactly 0: a ray along an axis would divide by it.
    grid = np.stack([*np.meshgrid(x + 1e-9, y + 1e-9), np.ones((height, width))], 2)
    return grid.reshape(-1, 3)


def camera(room: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw where the camera is and how it turns: near the wall behind it, tilted down a little."""
    side = generator.uniform(-0.4, 0.4)
    eye = np.array([side * room[0], generator.uniform(-0.45, -0.1), -0.92 * room[2]])
    turn = about_vertical(generator.normal(-0.5 * side, 0.2))
    tilt = generator.uniform(0.08, 0.3)
    c, s = np.cos(tilt), np.sin(tilt)
    return eye, turn @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
