"""Estimate surface normals from one depth map, as the plane around each pixel.

On a plane the inverse depth is linear in the pixel's place: for a point `z (u, v, 1)` with
`<n, z (u, v, 1)> = d`, `1 / z = <n, (u, v, 1)> / d`. So each pixel's plane is the least-squares fit
of `1 / z` over its window. The Kinect measures disparity, which is linear in `1 / z`: there its
noise is alike at all depths. Neighbours of another depth are of another surface and are left out.
"""

import numpy as np

# Every second pixel of the window is taken: a quarter of the work.
STEP = 2
# Of the window's pixels that must be on the surface. With fewer, a pixel has no normal.
SHARE = 0.25


def estimate(
    depth: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    camera: list[float],
    radius: int,
    tolerance: float,
) -> np.ndarray:
    """Give unit normals towards the camera (x right, y down, z forward), `[R, C, 3]`.

    A pixel without a depth, or with too few neighbours on its surface, has the zero vector.

    Args:
        depth: `[H, W]`, along the optical axis, in metres; 0 where none was measured.
        rows: Of the pixels to give, `[R]`.
        columns: Of the pixels to give, `[C]`.
        camera: Focal lengths in x and y and optical centre in x and y, in pixels, the first pixel
            being 1, as in MATLAB.
        radius: Of the square window, in pixels.
        tolerance: Share of a pixel's depth by which a neighbour's may differ.
    """
    focal_x, focal_y, centre_x, centre_y = camera
    inverse = np.divide(1, depth, out=np.zeros(depth.shape), where=depth > 0)
    inverse = np.pad(inverse, radius)
    own = inverse[np.ix_(rows + radius, columns + radius)]
    # Sums over the window of 1, x, y, x x, x y, y y and of w, w x, w y: x and y from the pixel.
    sums = np.zeros((9, *own.shape))
    offsets = range(-radius, radius + 1, STEP)
    for down in offsets:
        for right in offsets:
            w = inverse[np.ix_(rows + radius + down, columns + radius + right)]
            # |z - z0| <= tolerance z0, in inverse depths.
            near = (w > 0) & (np.abs(own - w) <= tolerance * w)
            x, y = right / focal_x, down / focal_y
            w = np.where(near, w, 0)
            for total, value in zip(sums[:6], (1, x, y, x * x, x * y, y * y), strict=True):
                total += value * near
            for total, value in zip(sums[6:], (1, x, y), strict=True):
                total += value * w
    n, x, y, xx, xy, yy, w, wx, wy = sums
    normal_equations = np.array([[n, x, y], [x, xx, xy], [y, xy, yy]]).transpose(2, 3, 0, 1)
    right_sides = np.array([w, wx, wy]).transpose(1, 2, 0)
    size = np.linalg.det(normal_equations)
    # In a full window the determinant is n times that of a grid; a line of pixels has 0.
    full = len(offsets) ** 2
    spread = sum(o * o for o in offsets) * len(offsets) / (focal_x * focal_y)
    fits = (own > 0) & (n >= SHARE * full) & (size > 1e-3 * full * spread**2)
    fit = np.zeros((*own.shape, 3))
    fit[fits] = np.linalg.solve(normal_equations[fits], right_sides[fits][..., None])[..., 0]
    constant, a, b = np.moveaxis(fit, 2, 0)
    u = (columns + 1 - centre_x) / focal_x
    v = (rows + 1 - centre_y) / focal_y
    normal = -np.stack([a, b, constant - a * u - b * v[:, None]], 2)
    length = np.linalg.norm(normal, axis=2, keepdims=True)
    return np.divide(normal, length, out=np.zeros_like(normal), where=length > 0)
