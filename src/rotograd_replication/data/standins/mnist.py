"""Handwriting-like digits in MNIST's own four files: the same names, the same IDX format.

Each digit is a few strokes in the unit square, moved by a random shift, size, slant, turn and
thickness, with jittered corners and noise. A generated digit is no MNIST digit: results on it check
the machinery, not the paper.
"""

import gzip
from pathlib import Path

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

SIDE = 28
# Digit -> strokes, each a polyline of (x, y); x to the right, y down, both from 0 to 1.
STROKES: dict[int, list[list[tuple[float, float]]]] = {
    0: [[(0.5, 0), (0.85, 0.2), (0.9, 0.6), (0.5, 1), (0.1, 0.6), (0.15, 0.2), (0.5, 0)]],
    1: [[(0.3, 0.2), (0.55, 0), (0.55, 1)]],
    2: [[(0.1, 0.2), (0.5, 0), (0.9, 0.25), (0.1, 1), (0.95, 1)]],
    3: [[(0.1, 0.05), (0.85, 0.2), (0.4, 0.48), (0.9, 0.75), (0.1, 0.97)]],
    4: [[(0.6, 0), (0.05, 0.65), (0.95, 0.65)], [(0.7, 0.35), (0.7, 1)]],
    5: [[(0.9, 0), (0.2, 0), (0.15, 0.45), (0.85, 0.6), (0.7, 0.95), (0.1, 1)]],
    6: [[(0.75, 0), (0.15, 0.6), (0.3, 1), (0.85, 0.9), (0.75, 0.55), (0.15, 0.65)]],
    7: [[(0.05, 0), (0.95, 0), (0.4, 1)]],
    8: [
        [(0.5, 0), (0.85, 0.22), (0.5, 0.47), (0.15, 0.22), (0.5, 0)],
        [(0.5, 0.47), (0.9, 0.75), (0.5, 1), (0.1, 0.75), (0.5, 0.47)],
    ],
    9: [[(0.8, 0.4), (0.3, 0.5), (0.15, 0.15), (0.6, 0), (0.85, 0.3), (0.7, 1)]],
}


def write(folder: Path, *, seed: NonNegativeInt, train: PositiveInt, test: PositiveInt) -> None:
    """Write the four files into `folder`; the same arguments give the same bytes.

    Args:
        folder: An existing folder.
        seed: Seed of the generator.
        train: How many training digits.
        test: How many test digits.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    for prefix, count in (("train", train), ("t10k", test)):
        labels = generator.integers(10, size=count).astype(np.uint8)
        images = np.concatenate([draw(int(digit), generator) for digit in labels])
        write_idx(folder / f"{prefix}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", labels)


def draw(digit: int, generator: np.random.Generator) -> np.ndarray:
    """Draw one digit, uint8 `[1, 28, 28]`: ink 255 on 0."""
    centre = SIDE / 2 + generator.uniform(-2, 2, 2)
    size = np.array([12.0, 19.0]) * generator.uniform(0.85, 1.1, 2)
    slant, turn = generator.uniform(-0.25, 0.25), generator.uniform(-0.15, 0.15)
    radius = generator.uniform(0.9, 1.6)
    affine = np.array([[1, -slant], [0, 1]]) @ np.array(
        [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    )
    pixels = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="xy"), -1) + 0.5
    segments = place_strokes(digit, size, affine, centre, generator)
    distance = distance_to_strokes(pixels, *segments)
    ink = np.clip(radius + 0.5 - distance, 0, 1) * generator.uniform(200, 255)
    noise = generator.normal(0, 8, ink.shape) * (ink > 0)
    return np.clip(ink + noise, 0, 255).astype(np.uint8)[None]


def place_strokes(
    digit: int,
    size: np.ndarray,
    affine: np.ndarray,
    centre: np.ndarray,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Give starts and ends, `[S, 2]` in pixels, of a digit's S segments, their corners jittered.

    Args:
        digit: 0 to 9.
        size: `[2]`, its width and height in pixels.
        affine: `[2, 2]`, its slant and turn.
        centre: `[2]`, where its middle is, in pixels.
        generator: of the jitter.
    """
    starts, ends = [], []
    for stroke in STROKES[digit]:
        corners = np.array(stroke) + generator.normal(0, 0.03, (len(stroke), 2))
        points = (corners - 0.5) * size @ affine.T + centre
        starts.append(points[:-1])
        ends.append(points[1:])
    return np.concatenate(starts), np.concatenate(ends)


def distance_to_strokes(pixels: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Give the distance, in pixels, of points `[H, W, 2]` to the nearest of S segments."""
    along = (ends - starts)[:, None, None]
    offset = pixels - starts[:, None, None]
    length = np.maximum((along**2).sum(-1), 1e-12)
    share = np.clip((offset * along).sum(-1) / length, 0, 1)
    return np.sqrt(((offset - share[..., None] * along) ** 2).sum(-1)).min(0)


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write uint8 `values` as a gzipped IDX file whose bytes hold no time and no name."""
    header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(header + values.tobytes(), 6, mtime=0))
