"""Choose the hyper-parameters of a method on the validation split, from the grid of a study."""

import argparse
from pathlib import Path

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; none takes a test split."""
    _arguments.add(parser, str, "study", "experiment", "method", "code")
    _arguments.add_device(parser)
    _arguments.add_threads(parser)
    _arguments.add(parser, Path, "train", "val", "checkpoint", "out")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..planning import fits
    from ..runtime import preemption, provenance
    from ..training import tune

    study = _arguments.study(arguments)
    fits.check(study, arguments.experiment)
    device = _arguments.device(arguments, study)
    identity = {"study": arguments.study, "code": arguments.code}
    identity |= provenance.describe(device, _arguments.ROOT)
    made_of = (study, arguments.experiment, arguments.method, identity)
    splits = (arguments.train, arguments.val)
    with preemption.catch_signals() as requests:
        tune.run(*made_of, splits, device, requests, arguments.checkpoint, arguments.out)
