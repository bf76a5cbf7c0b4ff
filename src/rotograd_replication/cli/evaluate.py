"""Measure finished runs on the test split."""

import argparse
from pathlib import Path

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    _arguments.add(parser, str, "study", "experiment")
    _arguments.add_device(parser)
    _arguments.add_threads(parser)
    _arguments.add(parser, Path, "test")
    _arguments.add(parser, Path, "model", "record", "metrics", nargs="+")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    import tqdm

    from ..config.settings import pick
    from ..training import evaluate

    study = _arguments.study(arguments)
    device = _arguments.device(arguments, study)
    experiment = pick("experiment", arguments.experiment, study.experiments)
    tasks = study.datasets[experiment.dataset].tasks
    paths = _arguments.rows(arguments, "model", "record", "metrics")
    bar = tqdm.tqdm(paths, desc=f"evaluate {arguments.experiment}", unit="run", disable=None)
    for model, record, out in bar:
        evaluate.run(tasks, model, record, arguments.test, device, out)
