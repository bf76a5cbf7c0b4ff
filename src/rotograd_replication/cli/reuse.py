"""Take a run of one experiment as a run of another that has the same settings."""

import argparse
from pathlib import Path

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    _arguments.add(parser, str, "experiment", "method")
    _arguments.add(parser, Path, "from-model", "from-history", "from-record")
    _arguments.add(parser, Path, "model", "history", "record")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..training import reuse

    sources = (arguments.from_model, arguments.from_history, arguments.from_record)
    outputs = (arguments.model, arguments.history, arguments.record)
    reuse.run(arguments.experiment, arguments.method, sources, outputs)
