"""Show which runs of a study are done, and how long the rest takes."""

import argparse

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; paths are patterns with {experiment}, {method} and {seed}."""
    _arguments.add(parser, str, "study", "code", "metrics", "record", "checkpoint")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..config import equal_code
    from ..results import run_states, status

    places = run_states.Places(arguments.metrics, arguments.record, arguments.checkpoint)
    code = equal_code.load(arguments.configs, arguments.code)
    status.run(_arguments.study(arguments), arguments.study, places, code)
