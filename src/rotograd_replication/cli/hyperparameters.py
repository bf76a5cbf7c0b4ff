"""List every hyper-parameter of a study with its source."""

import argparse
from pathlib import Path

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    _arguments.add(parser, str, "study")
    _arguments.add_tuned(parser)
    _arguments.add(parser, Path, "out")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..config import choice
    from ..paper import hyperparameters

    choices = [choice.read(path) for path in arguments.tuned]
    hyperparameters.run(_arguments.study(arguments), arguments.study, choices, arguments.out)
