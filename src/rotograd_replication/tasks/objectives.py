"""The two problems of Figure 1 as plain formulas, for torch (training) and NumPy (drawing) alike.

Each maps a point `r` in R^2 to a number. The two tasks of a problem are the same function moved
along the diagonal by `shift`, so that no shared point is an optimum of both, but a rotation of it
can be.
"""

from typing import Any


def multimodal(r: Any, shift: Any, xp: Any) -> Any:
    """Several local optima and one global: `-sum_i sin(3 u_i) / u_i + |u|_1`, `u = r - shift`.

    Source: the toy example of the official code (`[..., 2]` -> `[...]`).
    """
    u = r - shift
    return -(3 * xp.sinc(3 * u / 3.141592653589793)).sum(-1) + abs(u).sum(-1)


def avocado(r: Any, shift: Any, xp: Any) -> Any:
    """Convex with egg-shaped level sets; minimum 0 at `u = r - shift = 0` (`[..., 2]` -> `[...]`).

    Deviation: the paper prints no formula for its "avocado-shaped" problem. This is the project's
    choice: a parabola along one axis and `exp(s) - s - 1`, steeper on one side, along the other.
    """
    u = r - shift
    return u[..., 0] ** 2 + xp.exp(u[..., 1]) - u[..., 1] - 1
