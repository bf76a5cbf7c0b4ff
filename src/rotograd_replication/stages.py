"""Which source files make what: a rule reruns when one of its stage's files changes.

Patterns below the package. `rules/` adds the plug-in that a table, figure or dataset names.
"""

from . import plugins, sources

# All that training imports, but for what tests/test_sources.py names.
TRAIN = [
    "assess.py",
    "augment*.py",
    "checkpoint.py",
    "dense*.py",
    "diagnostics.py",
    "divergence.py",
    "generators.py",
    "heads/*.py",
    "loader.py",
    "losses.py",
    "methods/*.py",
    "metrics.py",
    "network.py",
    "networks/*.py",
    "objectives.py",
    "optimizers.py",
    "rotations/*.py",
    "runtime.py",
    "step.py",
    "tasks.py",
    "train.py",
    "trainer.py",
]
EVALUATE = [
    "assess.py",
    "dense*.py",
    "evaluate.py",
    "heads/*.py",
    "losses.py",
    "metrics.py",
    "network.py",
    "tasks.py",
]
AGGREGATE = ["aggregate.py", "delta.py", "runs.py"]
VERDICT = [
    "agreement.py",
    "trial.py",
    "claims.py",
    "inference.py",
    "judge.py",
    "proposition.py",
    "reasons.py",
    "scores.py",
    "verdict.py",
]
PAPER = ["render.py", "latex.py", "results.py", "delta.py"]


def code(*patterns: str) -> str:
    """One digest of what the package's sources that match mean (see `sources`)."""
    return sources.digest(plugins.ROOT, list(patterns))
