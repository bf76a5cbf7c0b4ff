"""Proposition 3.1, checked by arithmetic: a small enough step along RotoGrad lowers every loss.

No results enter: random smooth, non-convex losses are drawn, Algorithm 1's direction is taken at
feature level, and the step is halved until every loss is lower than before. Draws that do not meet
the proposition's condition are counted apart: if they could not fail, this would test nothing.

Source: RotoGrad, Proposition 3.1 and equations 1 and 2.
"""

from dataclasses import dataclass

import numpy as np

DRAWS = 1000
BATCH, FEATURES = 2, 2  # few dimensions, so that gradients conflict often
TASKS = range(3, 7)
# Below the smallest step a loss of order 1 changes by less than float64 resolves.
HALVINGS = 40


@dataclass(frozen=True)
class Outcome:
    """How many draws had a step that lowers every loss, with and without the condition."""

    draws: int
    lowered: int
    conflicting: int
    conflicting_lowered: int


class Losses:
    """K smooth losses of one batch: bowls around a point of their own, with ripples."""

    def __init__(self, random: np.random.Generator, tasks: int, together: float) -> None:
        shape = (tasks, 1, FEATURES)
        self.goals = random.normal(size=shape) + together * random.normal(size=(1, 1, FEATURES))
        self.steepness = random.uniform(0.2, 2.0, size=shape)
        self.waves = random.normal(size=shape)

    def values(self, z: np.ndarray) -> np.ndarray:
        """Compute the losses: `[B, D]` -> `[K]`."""
        bowls = 0.5 * (self.steepness * (z - self.goals) ** 2).sum(-1)
        return (bowls + np.sin((self.waves * z).sum(-1))).sum(-1)

    def gradients(self, z: np.ndarray) -> np.ndarray:
        """Compute their gradients: `[B, D]` -> `[K, B, D]`."""
        ripples = np.cos((self.waves * z).sum(-1, keepdims=True)) * self.waves
        return self.steepness * (z - self.goals) + ripples


def direction(gradients: np.ndarray, initial: np.ndarray) -> np.ndarray:
    """Compute `C sum_k U_k` of gradients `[K, B, D]`; `initial` are their first norms `[K]`."""
    norms = np.sqrt((gradients**2).sum((1, 2)))
    alpha = norms / initial
    alpha /= alpha.sum()
    return (alpha * norms).sum() * (gradients / norms[:, None, None]).sum(0)


def cosines(gradients: np.ndarray) -> np.ndarray:
    """Compute the cosines of whole batches: `[K, B, D]` -> `[K, K]`."""
    flat = gradients.reshape(len(gradients), -1)
    flat = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    return flat @ flat.T


def lowers(losses: Losses, z: np.ndarray, update: np.ndarray) -> bool:
    """Find whether some step along `update` lowers every loss."""
    before = losses.values(z)
    steps = (losses.values(z - 0.5**n * update) for n in range(HALVINGS))
    return any(bool((after < before).all()) for after in steps)


def check(case: str) -> Outcome:
    """Draw until the condition was met `DRAWS` times, and was not met as often if it can be.

    Args:
        case: `two_tasks`, whatever their gradients; or `no_conflict`, more tasks of which no two
            gradients have a negative cosine.
    """
    random = np.random.default_rng(0)
    counts = {True: [0, 0], False: [0, 0]}
    wanted = [True] if case == "two_tasks" else [True, False]
    while any(counts[meets][0] < DRAWS for meets in wanted):
        tasks = 2 if case == "two_tasks" else int(random.choice(TASKS))
        losses = Losses(random, tasks, together=random.uniform(0, 3))
        z = random.normal(size=(BATCH, FEATURES))
        gradients = losses.gradients(z)
        meets = case == "two_tasks" or bool((cosines(gradients) >= 0).all())
        count = counts[meets]
        if count[0] < DRAWS:
            update = direction(gradients, random.uniform(0.5, 2.0, size=tasks))
            count[0] += 1
            count[1] += lowers(losses, z, update)
    return Outcome(*counts[True], *counts[False])
