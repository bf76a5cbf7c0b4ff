"""Write one table as CSV, Markdown and LaTeX."""

import argparse
from pathlib import Path

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    _arguments.add(parser, str, "study", "name")
    _arguments.add(parser, str, "code", required=False)
    _arguments.add(parser, Path, *_arguments.GATHERED, nargs="+")
    _arguments.add(parser, Path, "reported", "csv", "markdown", "latex")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..paper import table
    from ..results import quantities

    study, results = _arguments.study(arguments), _arguments.results(arguments)
    known = quantities.load(arguments.configs)
    paper = quantities.read_paper(known.quantities, known.experiments, arguments.reported)
    made_of = (study, arguments.study, arguments.name, results, paper)
    outputs = (arguments.csv, arguments.markdown, arguments.latex)
    table.run(*made_of, *outputs, _arguments.code(arguments), _arguments.locked())
