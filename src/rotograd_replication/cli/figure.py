"""Draw one figure as PDF and PNG, with the CSV it is drawn from."""

import argparse
from pathlib import Path

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    _arguments.add(parser, str, "study", "name")
    _arguments.add(parser, str, "code", required=False)
    _arguments.add(parser, Path, *_arguments.GATHERED, nargs="+")
    _arguments.add(parser, Path, "csv", "pdf", "png")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..paper import figure

    study, results = _arguments.study(arguments), _arguments.results(arguments)
    made_of = (study, arguments.study, arguments.name, results, study.datasets)
    outputs = (arguments.csv, arguments.pdf, arguments.png)
    figure.run(*made_of, *outputs, _arguments.code(arguments), _arguments.locked())
