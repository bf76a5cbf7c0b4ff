"""Take a run of one experiment as a run of another that has the same settings."""

import argparse
from pathlib import Path

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    _arguments.add(parser, str, "experiment", "method")
    _arguments.add(parser, Path, "from-metrics", "from-history", "metrics", "history")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..results import reuse

    source = (arguments.from_metrics, arguments.from_history)
    outputs = (arguments.metrics, arguments.history)
    reuse.run(arguments.experiment, arguments.method, source, outputs)
