"""Fetch a dataset's original archives: download, copy from a mirror, or generate."""

import argparse
from pathlib import Path

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    _arguments.add(parser, str, "dataset")
    _arguments.add(parser, Path, "mirror", "hashes", required=False)
    _arguments.add(parser, Path, "out")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..data import fetch

    dataset = _arguments.dataset(arguments)
    fetch.run(arguments.dataset, dataset, arguments.mirror, arguments.out, arguments.hashes)
