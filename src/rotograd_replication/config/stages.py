"""Which source files make what: a rule reruns when one of its stage's files changes.

Patterns below the package. `rules/` adds the plug-in that a table, figure or dataset names.
"""

from .. import plugins
from ..files import sources

# All that training, tuning and evaluation import, but for what test_sources.py names.
TRAIN = [
    "data/augment.py",
    "data/augment_maps.py",
    "data/loader.py",
    "methods/**/*.py",
    "models/**/*.py",
    "runtime/device.py",
    "runtime/rng.py",
    "tasks/**/*.py",
    "training/checkpoint.py",
    "training/diagnostics.py",
    "training/divergence.py",
    "training/evaluate.py",
    "training/optimizers.py",
    "training/run_networks.py",
    "training/step.py",
    "training/train.py",
    "training/trainer.py",
    "training/tune.py",
    "training/validation.py",
]
AGGREGATE = [
    "config/choice.py",
    "results/aggregate.py",
    "results/comparable.py",
    "results/relative_improvement.py",
    "results/run_records.py",
    "tasks/kinds/*.py",
]
VERDICT = [
    "claims/*.py",
]
PAPER = [
    "config/choice.py",
    "config/equal_code.py",
    "config/sweeps.py",
    "methods/rotations/__init__.py",
    "paper/caption.py",
    "paper/latex.py",
    "paper/table_format.py",
    "paper/tuned.py",
    "paper/versions.py",
    "paper/words.py",
    "results/convergence.py",
    "results/quantities.py",
    "results/relative_improvement.py",
    "results/tidy.py",
]
HYPERPARAMETERS = [
    "config/choice.py",
    "paper/hyperparameters.py",
]


def code(*patterns: str) -> str:
    """Digest what those sources of the package that match mean (see `sources`)."""
    return sources.digest(plugins.ROOT, list(patterns))
