"""Train committed runs again with the present code: evidence for `configs/equivalent_code.yaml`.

    python benchmarks/retrain_committed.py --study lite [--experiment toy_convex]
        [--method rotograd] [--seed 0] [--cores 1]

Snakemake trains them in a temporary folder, as the study's `batch` says: with one seed of a method
it may train the others. Prints for each run whether its model has the committed sha256, and an
entry for the ledger if all have. A run whose configuration has changed is named and not trained.
Exits with 1 if a model differs, or if no run is left to compare.
"""

import argparse
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rotograd_replication.config import load as config
from rotograd_replication.config.settings import run_digest
from rotograd_replication.files import atomic as records

ROOT = Path(__file__).parents[1]
# What of a run's record decides its bytes besides its configuration and code.
RECORD = "metrics.json"
SURROUNDINGS = ("device", "threads", "versions")


@dataclass(frozen=True)
class Run:
    """A committed run and the same run trained again."""

    committed: dict[str, Any]
    again: dict[str, Any]

    @property
    def name(self) -> str:
        """The run in words."""
        return "{experiment}/{method}/seed{seed}".format(**self.committed)

    @property
    def same(self) -> bool:
        """Whether both models have the same bytes."""
        return self.committed["model"] == self.again["model"]

    @property
    def outcome(self) -> str:
        """`same`, or `different` and what else differs between the runs."""
        if self.same:
            return "same"
        keys = [key for key in SURROUNDINGS if self.committed[key] != self.again[key]]
        before, now = (run["data"]["prepared"] for run in (self.committed, self.again))
        keys += ["prepared data"] if any(before[split] != now[split] for split in now) else []
        return "different" + (f", which says nothing: other {', '.join(keys)}" if keys else "")


def committed(study: str, chosen: dict[str, Any]) -> tuple[list[Path], list[Path]]:
    """Folders of the study's committed runs, relative to the checkout.

    Args:
        study: Its name.
        chosen: Keys of a run's record -> the only value to take, or None for any.

    Returns:
        Those of the present configuration, and those of another one.
    """
    loaded = config.load_study(ROOT / "configs", study)
    present, changed = [], []
    for path in sorted((ROOT / "results" / study).glob(f"*/*/seed*/{RECORD}")):
        record = records.read_json(path)
        if all(value in (None, record[key]) for key, value in chosen.items()):
            experiment, method = record["experiment"], record["method"]
            known = method in getattr(loaded.experiments.get(experiment), "methods", {})
            digest = known and run_digest(loaded, experiment, method)
            group = present if record["configuration"] == digest else changed
            group.append(path.parent.relative_to(ROOT))
    return present, changed


def retrain(study: str, folders: list[Path], place: Path, cores: int = 1) -> list[Run]:
    """Train runs again in an empty folder.

    Args:
        study: Its name.
        folders: Of its committed runs, relative to the checkout.
        place: Where to train; the checkout's prepared data are used and completed.
        cores: How many Snakemake may use.

    Raises:
        subprocess.CalledProcessError: Snakemake failed; it has said why.
    """
    for name in ("configs", "data"):
        (place / name).symlink_to(ROOT / name)
    command = [str(Path(sys.executable).with_name("snakemake")), "--cores", str(cores)]
    command += ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(place)]
    command += [*(str(folder / RECORD) for folder in folders), "--config", f"study={study}"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    return [
        Run(
            records.read_json(ROOT / folder / RECORD),
            records.read_json(place / folder / RECORD),
        )
        for folder in folders
    ]


def entries(study: str, runs: list[Run]) -> list[dict[str, Any]]:
    """An entry of the ledger for each earlier digest of code; `why` is to be filled in."""
    found = []
    for was in sorted({run.committed["code"] for run in runs}):
        of = [run for run in runs if run.committed["code"] == was]
        new = of[0].again
        versions = ", ".join(f"{name} {version}" for name, version in new["versions"].items())
        names = ", ".join(run.name for run in of)
        evidence = f"trained again, the same models: {study}: {names} ({new['device']}, {versions})"
        entry = {"was": was, "same_as": new["code"]}
        entry["methods"] = sorted({run.committed["method"] for run in of})
        found.append(entry | {"why": "(what was changed)", "evidence": evidence})
    return [entry for entry in found if entry["was"] != entry["same_as"]]


def main() -> int:
    """Retrain, compare, and print the entry."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", required=True)
    parser.add_argument("--experiment")
    parser.add_argument("--method")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--cores", type=int, default=1)
    arguments = parser.parse_args()
    chosen = {key: getattr(arguments, key) for key in ("experiment", "method", "seed")}
    present, changed = committed(arguments.study, chosen)
    for folder in changed:
        print(f"{folder}: not trained, its configuration has changed since")
    if not present:
        print("No committed run of the present configuration is left to compare.")
        return 1
    with tempfile.TemporaryDirectory() as name:
        runs = retrain(arguments.study, present, Path(name), arguments.cores)
    for run in runs:
        print(f"{run.name}: {run.outcome}")
    if not all(run.same for run in runs):
        return 1
    if found := entries(arguments.study, runs):
        print("\nFor configs/equivalent_code.yaml; without `methods` it holds for all:\n")
        text = yaml.safe_dump(found, sort_keys=False, width=96, allow_unicode=True)
        print(textwrap.indent(text, "  "), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
