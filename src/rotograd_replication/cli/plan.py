"""Estimate what a study would cost here, from a few measured steps of every method."""

import argparse

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    _arguments.add(parser, str, "study")
    _arguments.add(parser, str, "experiment", required=False)
    _arguments.add_device(parser)
    _arguments.add(parser, float, "seconds", required=False, default=1.0)


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..planning import plan, timing
    from ..runtime.device import make_deterministic, select_device

    study = _arguments.study(arguments)
    if arguments.experiment:
        study = plan.only(study, arguments.experiment)
    device = select_device(arguments.device or study.device)
    make_deterministic(study.threads)
    plan.run(study, arguments.study, timing.Calibration(device, arguments.seconds))
