"""One verb per step of the workflow: `python -m rotograd_replication VERB`.

Paths come from the command line alone (the Snakefile knows them); a verb's module is imported when
the verb is called, so that the paper half never waits for torch.
"""

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tqdm

from .config import choice, equal_code, schema
from .config import load as config
from .runtime import job_log, preemption

ROOT = Path(__file__).parents[2]


def _study(arguments: argparse.Namespace) -> schema.Study:
    return config.load_study(arguments.configs, arguments.study)


def _code(arguments: argparse.Namespace) -> equal_code.TrainingCode | None:
    """The present training code, where its digest is given."""
    return equal_code.load(arguments.configs, arguments.code) if arguments.code else None


def _rows(arguments: argparse.Namespace, *names: str) -> list[tuple[Any, ...]]:
    """The arguments of those names side by side.

    Raises:
        ValueError: one is given more often than another.
    """
    counts = {name: len(getattr(arguments, name)) for name in names}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{count} of `--{name}`" for name, count in counts.items())
        raise ValueError(f"`--{'`, `--'.join(names)}` must be given equally often. Found {found}.")
    return list(zip(*(getattr(arguments, name) for name in names), strict=True))


def _whole(least: int) -> Callable[[str], int]:
    """A reader of whole numbers from `least`."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {least}. Found {text!r}."
            )
        return int(text)

    return read


def check(arguments: argparse.Namespace) -> None:
    """Read a study and everything it names, and the claims; say what is wrong with them."""
    from .claims import schema as claims

    study = _study(arguments)
    claims.load(arguments.configs)
    equal_code.load(arguments.configs, "")
    runs = sum(len(e.methods) * e.seeds.value for e in study.experiments.values())
    logging.info("%s: %d experiments, %d runs", arguments.study, len(study.experiments), runs)


def plan(arguments: argparse.Namespace) -> None:
    """Reckon what a study would cost here, from a few measured steps of every method."""
    from .planning import plan as verb
    from .planning import timing
    from .runtime.device import make_deterministic, select_device

    study = _study(arguments)
    if arguments.experiment:
        study = verb.only(study, arguments.experiment)
    device = select_device(arguments.device or study.device)
    make_deterministic(study.threads)
    seconds = 1.0 if arguments.seconds is None else arguments.seconds
    verb.run(study, arguments.study, timing.Calibration(device, seconds))


def fetch(arguments: argparse.Namespace) -> None:
    """Bring a dataset's original archives: download, copy from a mirror, or generate."""
    from .data import fetch as verb

    dataset = config.pick("dataset", arguments.dataset, config.load_datasets(arguments.configs))
    verb.run(arguments.dataset, dataset, arguments.mirror, arguments.out, arguments.hashes)


def prepare(arguments: argparse.Namespace) -> None:
    """Turn archives into training, validation and test tensors."""
    from .data import prepare as verb

    dataset = config.pick("dataset", arguments.dataset, config.load_datasets(arguments.configs))
    outputs = {split: getattr(arguments, split) for split in ("train", "val", "test")}
    verb.run(arguments.dataset, dataset, arguments.archives, outputs)


def train(arguments: argparse.Namespace) -> None:
    """Train runs one after another, each as if it were alone and from where it was left."""
    from .runtime import provenance
    from .runtime.device import make_deterministic, select_device
    from .training import checkpoint
    from .training import train as verb

    study = _study(arguments)
    device = select_device(arguments.device or study.device)
    make_deterministic(arguments.threads or study.threads)
    experiment = config.pick("experiment", arguments.experiment, study.experiments)
    tasks = study.datasets[experiment.dataset].tasks
    described = provenance.describe(device, ROOT)
    choices = {c.method: c for c in map(choice.read, arguments.tuned)}
    tuned = choice.apply(study, list(choices.values()))
    runs = _rows(arguments, "method", "seed", "digest", "checkpoint", "model", "history", "record")
    with preemption.catch_signals() as requests:
        for method, seed, digest, folder, *paths in runs:
            if experiment.grid(method) and method not in choices:
                raise ValueError(f"`--tuned` must have what `tune` chose for {method}. Found none.")
            settings = config.run_settings(tuned, arguments.experiment, method)
            if config.run_digest(study, arguments.experiment, method) != digest:
                raise ValueError(
                    f"`{arguments.experiment}/{method}` must be configured as when the workflow "
                    "started. Found a changed configuration. Start snakemake again."
                )
            identity = {"study": arguments.study, "experiment": arguments.experiment}
            identity |= {"method": method, "seed": seed, "configuration": digest}
            identity |= {"code": arguments.code, **described}
            identity |= {"tuned": choices[method].said} if method in choices else {}
            splits = (arguments.train, arguments.val)
            saving = checkpoint.Saving(folder, study.checkpoint_every, requests)
            verb.run(settings, identity, tasks, *splits, device, verb.Outputs(*paths), saving)
    checkpoint.discard(arguments.checkpoint)


def tune(arguments: argparse.Namespace) -> None:
    """Choose the hyper-parameters of a method on the validation split, from the grid of a study."""
    from .runtime import provenance
    from .runtime.device import make_deterministic, select_device
    from .training import tune as verb

    study = _study(arguments)
    device = select_device(arguments.device or study.device)
    make_deterministic(arguments.threads or study.threads)
    identity = {"study": arguments.study, "code": arguments.code}
    identity |= provenance.describe(device, ROOT)
    named = (arguments.experiment, arguments.method)
    splits = (arguments.train, arguments.val)
    with preemption.catch_signals() as requests:
        verb.run(
            study, *named, identity, splits, device, requests, arguments.checkpoint, arguments.out
        )


def reuse(arguments: argparse.Namespace) -> None:
    """Take a run of one experiment as a run of another that has the same settings."""
    from .training import reuse as verb

    sources = (arguments.from_model, arguments.from_history, arguments.from_record)
    outputs = (arguments.model, arguments.history, arguments.record)
    verb.run(arguments.experiment, arguments.method, sources, outputs)


def evaluate(arguments: argparse.Namespace) -> None:
    """Measure finished runs on the test split."""
    from .runtime.device import make_deterministic, select_device
    from .training import evaluate as verb

    study = _study(arguments)
    device = select_device(arguments.device or study.device)
    make_deterministic(arguments.threads or study.threads)
    experiment = config.pick("experiment", arguments.experiment, study.experiments)
    tasks = study.datasets[experiment.dataset].tasks
    paths = _rows(arguments, "model", "record", "metrics")
    bar = tqdm.tqdm(paths, desc=f"evaluate {arguments.experiment}", unit="run", disable=None)
    for model, record, out in bar:
        verb.run(tasks, model, record, arguments.test, device, out)


def aggregate(arguments: argparse.Namespace) -> None:
    """Gather the runs of an experiment into tidy files."""
    from .results import aggregate as verb

    study = _study(arguments)
    verb.run(
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


def _results(arguments: argparse.Namespace) -> list:
    from .results import tidy

    rows = _rows(arguments, "metrics", "history", "provenance")
    return [tidy.read(*paths) for paths in rows]


def table(arguments: argparse.Namespace) -> None:
    """Write one table as CSV, Markdown and LaTeX."""
    from .paper import table as verb
    from .results import quantities

    study, found = _study(arguments), _results(arguments)
    known = quantities.load(arguments.configs)
    paper = quantities.read_paper(known.quantities, known.experiments, arguments.reported)
    outputs = (arguments.csv, arguments.markdown, arguments.latex)
    place = (study, arguments.study, arguments.name, found, paper)
    verb.run(*place, *outputs, _code(arguments))


def figure(arguments: argparse.Namespace) -> None:
    """Draw one figure as PDF and PNG, with the CSV it is drawn from."""
    from .paper import figure as verb

    study, found = _study(arguments), _results(arguments)
    outputs = (arguments.csv, arguments.pdf, arguments.png)
    place = (study, arguments.study, arguments.name, found, study.datasets)
    verb.run(*place, *outputs, _code(arguments))


def verdict(arguments: argparse.Namespace) -> None:
    """Judge the paper's claims, and set every reported number beside ours."""
    from .claims import schema as claims
    from .claims import verdict as verb

    judged, reference = claims.load(arguments.configs)
    study, found = _study(arguments), _results(arguments)
    outputs = (arguments.reported, arguments.out)
    verb.run(study, arguments.study, judged, reference, found, *outputs)


def status(arguments: argparse.Namespace) -> None:
    """Show which runs of a study are done, and how long the rest takes."""
    from .results import run_states
    from .results import status as verb

    places = run_states.Places(arguments.metrics, arguments.record, arguments.checkpoint)
    code = equal_code.load(arguments.configs, arguments.code)
    verb.run(_study(arguments), arguments.study, places, code)


def ledger(arguments: argparse.Namespace) -> None:
    """List every hyper-parameter of a study with its source."""
    from .paper import hyperparameters as verb

    choices = [choice.read(path) for path in arguments.tuned]
    verb.run(_study(arguments), arguments.study, choices, arguments.out)


def report(arguments: argparse.Namespace) -> None:
    """Write the report: one self-contained page, from what is there."""
    from .report import build as verb
    from .results import run_states

    places = run_states.Places(arguments.run, arguments.record, arguments.checkpoint)
    gathered = (arguments.metrics, arguments.history, arguments.provenance)
    shown = (arguments.tables, arguments.figures, arguments.verdicts, arguments.citation)
    study = _study(arguments)
    code = equal_code.load(arguments.configs, arguments.code)
    verb.run(study, arguments.study, *gathered, places, *shown, code, arguments.out)


# Verb -> the arguments it takes: name -> type, with `*` for one or more, `*?` for any
# number, and `?` for optional.
ARGUMENTS: dict[Callable[[argparse.Namespace], None], dict[str, tuple[Callable, str]]] = {
    check: {"study": (str, "")},
    plan: {"study": (str, ""), "experiment": (str, "?"), "device": (str, "?")}
    | {"seconds": (float, "?")},
    fetch: {"dataset": (str, ""), "mirror": (Path, "?"), "out": (Path, "")}
    | {"hashes": (Path, "?")},
    prepare: {"dataset": (str, ""), "archives": (Path, "")}
    | dict.fromkeys(("train", "val", "test"), (Path, "")),
    train: {"study": (str, ""), "experiment": (str, ""), "device": (str, "?"), "code": (str, "")}
    | {"threads": (_whole(1), "?")}
    | {"method": (str, "*"), "seed": (_whole(0), "*"), "digest": (str, "*")}
    | dict.fromkeys(("train", "val"), (Path, ""))
    | dict.fromkeys(("checkpoint", "model", "history", "record"), (Path, "*"))
    | {"tuned": (Path, "*?")},
    tune: {"study": (str, ""), "experiment": (str, ""), "method": (str, ""), "code": (str, "")}
    | {"device": (str, "?"), "threads": (_whole(1), "?")}
    | dict.fromkeys(("train", "val", "checkpoint", "out"), (Path, "")),
    reuse: {"experiment": (str, ""), "method": (str, "")}
    | dict.fromkeys(("from-model", "from-history", "from-record"), (Path, ""))
    | dict.fromkeys(("model", "history", "record"), (Path, "")),
    evaluate: {"study": (str, ""), "experiment": (str, ""), "device": (str, "?")}
    | {"threads": (_whole(1), "?"), "test": (Path, "")}
    | dict.fromkeys(("model", "record", "metrics"), (Path, "*")),
    aggregate: {"study": (str, ""), "experiment": (str, "")}
    | dict.fromkeys(("metrics", "history"), (Path, "*"))
    | {"tuned": (Path, "*?")}
    | dict.fromkeys(("out-metrics", "out-history", "out-provenance"), (Path, "")),
    table: {"study": (str, ""), "name": (str, ""), "reported": (Path, ""), "code": (str, "?")}
    | dict.fromkeys(("metrics", "history", "provenance"), (Path, "*"))
    | dict.fromkeys(("csv", "markdown", "latex"), (Path, "")),
    figure: {"study": (str, ""), "name": (str, ""), "code": (str, "?")}
    | dict.fromkeys(("metrics", "history", "provenance"), (Path, "*"))
    | dict.fromkeys(("csv", "pdf", "png"), (Path, "")),
    verdict: {"study": (str, ""), "reported": (Path, ""), "out": (Path, "")}
    | dict.fromkeys(("metrics", "history", "provenance"), (Path, "*?")),
    status: {"study": (str, ""), "code": (str, "")}
    | dict.fromkeys(("metrics", "record", "checkpoint"), (str, "")),
    ledger: {"study": (str, ""), "tuned": (Path, "*?"), "out": (Path, "")},
    report: {"study": (str, ""), "code": (str, ""), "out": (Path, "")}
    | dict.fromkeys(("metrics", "history", "provenance"), (str, ""))
    | dict.fromkeys(("run", "record", "checkpoint", "tables", "figures"), (str, ""))
    | dict.fromkeys(("verdicts", "citation"), (Path, "")),
}


def parser() -> argparse.ArgumentParser:
    """The command line: a sub-command per verb."""
    whole = argparse.ArgumentParser(prog="rotograd-replication", description=__doc__)
    whole.add_argument("--configs", type=Path, default=ROOT / "configs")
    verbs = whole.add_subparsers(required=True, metavar="VERB")
    for verb, arguments in ARGUMENTS.items():
        one = verbs.add_parser(verb.__name__, help=verb.__doc__, description=verb.__doc__)
        one.set_defaults(verb=verb)
        for name, (kind, count) in arguments.items():
            many = {"*": {"nargs": "+"}, "*?": {"nargs": "*", "default": []}}.get(count, {})
            legal = {"choices": ("auto", "cpu", "cuda")} if name == "device" else {}
            one.add_argument(f"--{name}", type=kind, required="?" not in count, **many, **legal)
    return whole


def main() -> int:
    """Run one verb; a fault of the user's ends in one message and exit code 1.

    A training that was asked to end exits with another code: the same command goes on.
    """
    job_log.open_log()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    arguments = parser().parse_args()
    try:
        arguments.verb(arguments)
    except (ValueError, OSError) as error:
        logging.error("error: %s", error)
        return 1
    except preemption.Preempted as notice:
        logging.warning("%s", notice)
        return preemption.EXIT_CODE
    return 0


if __name__ == "__main__":
    sys.exit(main())
