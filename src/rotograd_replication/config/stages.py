"""Which source files make what: a rule reruns when one of its stage's files changes.

Patterns below the package. `rules/` adds the plug-in that a table, figure or dataset names.
"""

from .. import plugins
from ..files import sources

# All that training imports, but for what tests/unit/files/test_sources.py names.
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
    "training/optimizers.py",
    "training/run_networks.py",
    "training/step.py",
    "training/train.py",
    "training/trainer.py",
    "training/validation.py",
]
# Next to TRAIN: how a grid is trained and compared.
TUNE = [
    "config/choice.py",
    "config/tuning.py",
    "training/tune.py",
]
EVALUATE = [
    "models/heads/*.py",
    "models/network.py",
    "tasks/**/*.py",
    "training/evaluate.py",
    "training/run_networks.py",
    "training/validation.py",
]
AGGREGATE = [
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
    "config/sweeps.py",
    "paper/caption.py",
    "paper/latex.py",
    "paper/table_format.py",
    "paper/tuned.py",
    "paper/versions.py",
    "results/quantities.py",
    "results/relative_improvement.py",
    "results/tidy.py",
]


def code(*patterns: str) -> str:
    """Digest what those sources of the package that match mean (see `sources`)."""
    return sources.digest(plugins.ROOT, list(patterns))
