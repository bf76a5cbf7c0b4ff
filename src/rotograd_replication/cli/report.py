"""Write the report: one self-contained page, from what there is."""

import argparse
from pathlib import Path

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; paths that are text are patterns."""
    _arguments.add(parser, str, "study", "code", *_arguments.GATHERED)
    _arguments.add(parser, str, "run", "record", "checkpoint", "tables", "figures")
    _arguments.add(parser, Path, "verdicts", "citation", "out")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..config import equal_code
    from ..report import build
    from ..results import run_states

    places = run_states.Places(arguments.run, arguments.record, arguments.checkpoint)
    gathered = (arguments.metrics, arguments.history, arguments.provenance)
    shown = (arguments.tables, arguments.figures, arguments.verdicts, arguments.citation)
    study = _arguments.study(arguments)
    code = equal_code.load(arguments.configs, arguments.code)
    build.run(
        study, arguments.study, *gathered, places, *shown, code, arguments.out, _arguments.locked()
    )
