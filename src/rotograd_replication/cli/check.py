"""Read a study and all it names, try its networks, read the claims; say what is wrong."""

import argparse
import logging

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    _arguments.add(parser, str, "study")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..claims import load
    from ..config import equal_code
    from ..planning import fits

    study = _arguments.study(arguments)
    load.load(arguments.configs)
    equal_code.load(arguments.configs, "")
    for experiment in study.experiments:
        fits.check(study, experiment)
    runs = sum(len(e.methods) * e.seeds.value for e in study.experiments.values())
    logging.info("%s: %d experiments, %d runs", arguments.study, len(study.experiments), runs)
