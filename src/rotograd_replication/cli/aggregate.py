"""Gather the runs of an experiment into tidy files."""

import argparse
from pathlib import Path

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    _arguments.add(parser, str, "study", "experiment")
    _arguments.add(parser, Path, "metrics", "history", nargs="+")
    _arguments.add_tuned(parser)
    _arguments.add(parser, Path, "out-metrics", "out-history", "out-provenance")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..config import choice, equal_code
    from ..results import aggregate

    study = _arguments.study(arguments)
    aggregate.run(
        study,
        arguments.study,
        arguments.experiment,
        study.datasets,
        arguments.metrics,
        arguments.history,
        arguments.out_metrics,
        arguments.out_history,
        arguments.out_provenance,
        equal_code.same_data(arguments.configs),
        [choice.read(path) for path in arguments.tuned],
    )
