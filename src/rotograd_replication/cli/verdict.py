"""Judge the paper's claims, and set every reported number next to ours."""

import argparse
from pathlib import Path

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    _arguments.add(parser, str, "study")
    _arguments.add(parser, Path, *_arguments.GATHERED, nargs="*", default=[])
    _arguments.add(parser, Path, "reported", "out")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..claims import load, verdict

    judged, reference = load.load(arguments.configs)
    study, results = _arguments.study(arguments), _arguments.results(arguments)
    outputs = (arguments.reported, arguments.out)
    verdict.run(study, arguments.study, judged, reference, results, *outputs)
