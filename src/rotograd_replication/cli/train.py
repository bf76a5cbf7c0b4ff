"""Train runs one after another, each as if it were alone and from where it was left."""

import argparse
from pathlib import Path

from . import _arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; none takes a test split."""
    _arguments.add(parser, str, "study", "experiment", "code")
    _arguments.add_device(parser)
    _arguments.add_threads(parser)
    _arguments.add(parser, Path, "train", "val")
    _arguments.add(parser, str, "method", "digest", nargs="+")
    _arguments.add(parser, _arguments.whole(0), "seed", nargs="+")
    _arguments.add(parser, Path, "checkpoint", "model", "history", "record", nargs="+")


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..config import load
    from ..runtime import device as runtime
    from ..runtime import preemption
    from ..training import checkpoint, train

    study = _arguments.study(arguments)
    device = runtime.device(arguments.device or study.device)
    runtime.prepare(arguments.threads or study.threads)
    experiment = load.pick("experiment", arguments.experiment, study.experiments)
    tasks = study.datasets[experiment.dataset].tasks
    described = runtime.describe(device, _arguments.ROOT)
    columns = ("method", "seed", "digest", "checkpoint", "model", "history", "record")
    with preemption.noted() as requests:
        for method, seed, digest, folder, *paths in _arguments.rows(arguments, *columns):
            settings = load.run_settings(study, arguments.experiment, method)
            if load.run_digest(study, arguments.experiment, method) != digest:
                raise ValueError(
                    f"`{arguments.experiment}/{method}` must be configured as when the workflow "
                    "started. Found a changed configuration. Start snakemake again."
                )
            identity = {"study": arguments.study, "experiment": arguments.experiment}
            identity |= {"method": method, "seed": seed, "configuration": digest}
            identity |= {"code": arguments.code, **described}
            splits = (arguments.train, arguments.val)
            saving = checkpoint.Saving(folder, study.checkpoint_every, requests)
            train.run(settings, identity, tasks, *splits, device, train.Outputs(*paths), saving)
    checkpoint.discard(arguments.checkpoint)
