"""List every hyper-parameter of a study with its source."""

import argparse
from pathlib import Path

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    _arguments.add(parser, str, "study")
    _arguments.add(parser, Path, "out")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..paper import hyperparameters

    hyperparameters.run(_arguments.study(arguments), arguments.study, arguments.out)
