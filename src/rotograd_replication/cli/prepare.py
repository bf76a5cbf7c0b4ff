"""Turn archives into training, validation and test tensors."""

import argparse
from pathlib import Path

from . import _arguments

SPLITS = ("train", "val", "test")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    _arguments.add(parser, str, "dataset")
    _arguments.add(parser, Path, "archives", *SPLITS)


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..data import prepare

    dataset = _arguments.dataset(arguments)
    outputs = {split: getattr(arguments, split) for split in SPLITS}
    prepare.run(arguments.dataset, dataset, arguments.archives, outputs)
