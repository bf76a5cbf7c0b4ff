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
    _arguments.add_tuned(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run the verb."""
    from ..config import choice
    from ..config.settings import pick, run_digest, run_settings
    from ..planning import due, fits
    from ..runtime import preemption, provenance
    from ..training import checkpoint, train

    study = _arguments.study(arguments)
    device = _arguments.device(arguments, study)
    experiment = pick("experiment", arguments.experiment, study.experiments)
    fits.check(study, arguments.experiment)
    tasks = study.datasets[experiment.dataset].tasks
    described = provenance.describe(device, _arguments.ROOT)
    choices = {c.method: c for c in map(choice.read, arguments.tuned)}
    tuned = choice.apply(study, list(choices.values()))
    columns = ("method", "seed", "digest", "checkpoint", "model", "history", "record")
    with preemption.catch_signals() as requests:
        for method, seed, digest, folder, *paths in _arguments.rows(arguments, *columns):
            if experiment.grid(method) and method not in choices:
                raise ValueError(f"`--tuned` must have what `tune` chose for {method}. Found none.")
            settings = run_settings(tuned, arguments.experiment, method)
            if run_digest(study, arguments.experiment, method) != digest:
                raise ValueError(
                    f"`{arguments.experiment}/{method}` must be configured as when the workflow "
                    "started. Found a changed configuration. Start snakemake again."
                )
            identity = {"study": arguments.study, "experiment": arguments.experiment}
            identity |= {"method": method, "seed": seed, "configuration": digest}
            identity |= {"code": arguments.code}
            identity |= {"tuned": choices[method].said} if method in choices else {}
            outputs = train.Outputs(*paths)
            splits = {"train": arguments.train, "val": arguments.val}
            written = (outputs.model, outputs.history)
            if due.is_trained(outputs.record, identity, written, splits):
                continue
            identity |= described
            saving = checkpoint.Saving(folder, study.checkpoint_every, requests)
            read = (arguments.train, arguments.val)
            train.run(settings, identity, tasks, *read, device, outputs, saving)
    checkpoint.discard(arguments.checkpoint)
