"""What several verbs take, and how they read it."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..config import equal_code, schema
    from ..results import tidy

ROOT = Path(__file__).parents[3]
GATHERED = ("metrics", "history", "provenance")


def add(parser: argparse.ArgumentParser, kind: Callable, *names: str, **options: Any) -> None:
    """Declare `--name` for each name; it must be given unless `options` say otherwise."""
    for name in names:
        parser.add_argument(f"--{name}", type=kind, **({"required": True} | options))


def add_device(parser: argparse.ArgumentParser) -> None:
    """Declare `--device`; the study's is taken where it is left out."""
    add(parser, str, "device", required=False, choices=("auto", "cpu", "cuda"))


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Declare `--threads`; the study's number is taken where it is left out."""
    add(parser, whole(1), "threads", required=False)


def add_tuned(parser: argparse.ArgumentParser) -> None:
    """Declare `--tuned`: what `tune` chose for each method that is tuned."""
    add(parser, Path, "tuned", required=False, nargs="*", default=[])


def device(arguments: argparse.Namespace, study: "schema.Study") -> Any:
    """Make this process deterministic, and return the `torch.device` that it works on."""
    from ..runtime.device import make_deterministic, select_device

    chosen = select_device(arguments.device or study.device)
    make_deterministic(arguments.threads or study.threads)
    return chosen


def whole(least: int) -> Callable[[str], int]:
    """Make a reader of whole numbers from `least`."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {least}. Found {text!r}."
            )
        return int(text)

    return read


def study(arguments: argparse.Namespace) -> "schema.Study":
    """Read and check the study that `--study` names."""
    from ..config import load

    return load.load_study(arguments.configs, arguments.study)


def dataset(arguments: argparse.Namespace) -> "schema.Dataset":
    """Read and check the dataset that `--dataset` names."""
    from ..config import load
    from ..config.settings import pick

    return pick("dataset", arguments.dataset, load.load_datasets(arguments.configs))


def code(arguments: argparse.Namespace) -> "equal_code.TrainingCode | None":
    """Return the present training code with the ledger, where its digest is given."""
    from ..config import equal_code

    return equal_code.load(arguments.configs, arguments.code) if arguments.code else None


def locked() -> dict[str, str]:
    """Read the versions of the packages that the environment is built of."""
    from ..paper import versions

    return versions.locked(ROOT / "requirements.lock")


def rows(arguments: argparse.Namespace, *names: str) -> list[tuple[Any, ...]]:
    """List the arguments of those names side by side.

    Raises:
        ValueError: One is given more often than another.
    """
    counts = {name: len(getattr(arguments, name)) for name in names}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{count} of `--{name}`" for name, count in counts.items())
        raise ValueError(f"`--{'`, `--'.join(names)}` must be given equally often. Found {found}.")
    return list(zip(*(getattr(arguments, name) for name in names), strict=True))


def results(arguments: argparse.Namespace) -> "list[tidy.Results]":
    """Read the aggregated results that `--metrics`, `--history` and `--provenance` name."""
    from ..results import tidy

    return [tidy.read(*paths) for paths in rows(arguments, *GATHERED)]
