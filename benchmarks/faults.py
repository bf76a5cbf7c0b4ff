"""The fault campaign: kills, flipped bytes, full disks, jumping clocks, two trainers of one run.

Usage: python benchmarks/faults.py [--kills 100] [--flips 50] [--disks 14] [--clocks 10] [--pairs 5]
       [--experiments toy_convex digits ...] [--seed 0]

Small runs of the quick study's experiments (noise in the data's shape, three epochs of four
batches) are disturbed and gone on with; what they come to must be, byte for byte and times apart,
what the undisturbed run came to. Prints a table: `detected` are faults that met a living process
or were reported, `recovered` those after which the right result was there, `lost` those after which
it could not be had, `wrong` those after which there was another one. Exits with 1 if any is.
"""

import argparse
import contextlib
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import tqdm

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import small_runs
from benchmarks.small_runs import Run

from rotograd_replication.config import load as config
from rotograd_replication.data import fetch, prepare
from rotograd_replication.files import atomic as records
from rotograd_replication.files import sealed as seals
from rotograd_replication.runtime import preemption

COLUMNS = ["fault", "faults", "detected", "recovered", "lost", "wrong"]
ATTEMPTS = 5


class Campaign:
    """Undisturbed results, and a folder for the disturbed ones."""

    def __init__(self, folder: Path, seed: int, experiments: list[str] | None = None) -> None:
        self.folder, self.chance = folder, random.Random(seed)
        study = config.load_study(small_runs.CONFIGS, "quick")
        chosen = experiments or list(study.experiments)
        self.study = study
        self.runs = [
            Run(study, folder / "data", experiment, self.chance.choice(methods))
            for experiment in chosen
            for methods in [list(study.experiments[experiment].methods)] * 2
        ]
        self.rows: dict[str, dict[str, int]] = {}
        self.number = 0
        # In this process, so that those that are forked from it need not import a thing.
        self.runs[0](folder / "first", 1e9)

    def undisturbed(self, run: Run) -> tuple[Any, float]:
        """What a run comes to, and how many seconds it takes."""
        place = self.folder / "whole" / run.experiment / run.method
        if not (place / "seconds").exists():
            before = time.monotonic()
            code = self.finish(run, place)
            if code:
                log = (place / "log").read_text()[-300:]
                raise RuntimeError(f"{run.experiment}/{run.method} ended with {code}: {log}")
            (place / "seconds").write_text(str(time.monotonic() - before))
        return small_runs.result(place), float((place / "seconds").read_text())

    def fresh(self) -> Path:
        """An empty folder."""
        self.number += 1
        place = self.folder / f"run{self.number}"
        place.mkdir()
        return place

    def begin(self, run: Run, place: Path, every: float = 0.0) -> int:
        """Start a run in a process of its own; returns the process."""
        place.mkdir(parents=True, exist_ok=True)
        _ = run.splits
        return small_runs.start(lambda: run(place, every), place / "log")

    def finish(self, run: Run, place: Path) -> int:
        """Run, again where it fails, as the workflow's `retries` do; returns the last exit code."""
        code = 0
        for _ in range(ATTEMPTS):
            code = small_runs.wait(self.begin(run, place))
            if code == 0:
                break
        return code

    def judge(self, fault: str, run: Run, place: Path, faults: int = 1, detected: int = 1) -> None:
        """Let a disturbed run come to its end and count what came of it."""
        lost = self.finish(run, place) != 0
        wrong = not lost and small_runs.result(place) != self.undisturbed(run)[0]
        self.count(fault, faults, detected, lost, wrong)
        if not (lost or wrong):
            shutil.rmtree(place)

    def count(self, fault: str, faults: int, detected: int, lost: bool, wrong: bool) -> None:
        """Add to a row of the table."""
        row = self.rows.setdefault(fault, dict.fromkeys(COLUMNS[1:], 0))
        numbers = (faults, detected, faults * (not (lost or wrong)), faults * lost, faults * wrong)
        for name, more in zip(COLUMNS[1:], numbers, strict=True):
            row[name] += more

    def table(self) -> pd.DataFrame:
        """A row per kind of fault."""
        return pd.DataFrame.from_dict(self.rows, "index").rename_axis("fault").reset_index()


def kills(campaign: Campaign, count: int) -> None:
    """Half SIGKILL, half SIGTERM, at random instants, up to three in a run."""
    chance, done = campaign.chance, {signal.SIGKILL: 0, signal.SIGTERM: 0}
    with tqdm.tqdm(total=count, desc="kills", disable=None) as bar:
        for i in itertools.count():
            if sum(done.values()) >= count:
                return
            number = min(done, key=done.__getitem__)
            run, place, hits = campaign.runs[i % len(campaign.runs)], campaign.fresh(), 0
            _, seconds = campaign.undisturbed(run)
            for _ in range(chance.randint(1, 3)):
                process = campaign.begin(run, place, chance.choice([0, 0.05, 0.5]))
                code = small_runs.kill_after(process, chance.uniform(0, seconds), number)
                hits += code in (-number, preemption.EXIT_CODE)
                if code == 0:
                    break
            campaign.judge(number.name, run, place, hits, hits)
            done[number] += hits
            bar.update(hits)


def flips(campaign: Campaign, count: int) -> None:
    """A bit of a byte of an archive, a prepared file, a checkpoint or a model."""
    name = "mnist_standin"
    dataset = campaign.study.datasets.get(name) or config.load_datasets(small_runs.CONFIGS)[name]
    raw = campaign.folder / "raw" / "archives.json"
    fetch.run(name, dataset, None, raw)
    archives = sorted(path for path in raw.parent.iterdir() if path != raw)
    sums = {path: records.sha256(path) for path in archives}
    prepared = {s: campaign.folder / "prepared" / f"{s}.safetensors" for s in small_runs.SAMPLES}
    prepare.run(name, dataset, raw, prepared)
    sealed = {path: records.sha256(path) for path in prepared.values()}
    for i in tqdm.trange(count, desc="flips", disable=None):
        kind = ("archive", "prepared tensors", "checkpoint", "model")[i % 4]
        if kind == "archive":
            path = campaign.chance.choice(archives)
            whole = path.read_bytes()
            _flip(path, campaign.chance)
            found = _raises(lambda: prepare.verify(name, raw))
            path.write_bytes(whole) if i >= 4 else fetch.run(name, dataset, None, raw)
            campaign.count("flip: archive", 1, found, False, records.sha256(path) != sums[path])
        elif kind == "prepared tensors":
            path = campaign.chance.choice(list(prepared.values()))
            whole = path.read_bytes()
            _flip(path, campaign.chance)
            found = _raises(lambda path=path: seals.check(path, "Prepare again."))
            path.write_bytes(whole) if i >= 4 else prepare.run(name, dataset, raw, prepared)
            wrong = not found or records.sha256(path) != sealed[path]
            campaign.count("flip: prepared tensors", 1, found, False, wrong)
        else:
            _flip_of_run(campaign, kind, campaign.runs[i % len(campaign.runs)])


def _flip_of_run(campaign: Campaign, kind: str, run: Run) -> None:
    """Spoil the newest checkpoint of a run that was killed, or the model of one that ended."""
    place = campaign.fresh()
    _, seconds = campaign.undisturbed(run)
    if kind == "model":
        small_runs.wait(campaign.begin(run, place))
        _flip(place / "model.safetensors", campaign.chance)
        found = _raises(lambda: seals.check(place / "model.safetensors", "Train again."))
    else:
        while True:  # until a state was left, whether the machine is slower now or faster
            process = campaign.begin(run, place)
            instant = campaign.chance.uniform(0.2, 3) * seconds
            if small_runs.kill_after(process, instant, signal.SIGKILL) == 0:
                shutil.rmtree(place)
                place.mkdir()
            if states := sorted(place.rglob("step*.safetensors")):
                break
        _flip(states[-1], campaign.chance)
        found = _raises(lambda: seals.check(states[-1], ""))
    campaign.judge(f"flip: {kind}", run, place, 1, found)


def _flip(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def _raises(work: Callable[[], object]) -> bool:
    try:
        work()
    except ValueError:
        return True
    return False


@contextlib.contextmanager
def small_disk(place: Path, size: int) -> Iterator[Callable[[], None]]:
    """Mount a disk of so many bytes at `place`; what is yielded gives it room."""
    options = f"size={max(size, 4096)}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], check=True)
    grow = ["mount", "-o", "remount,size=1g", place]
    try:
        yield lambda: subprocess.run(grow, check=True)
    finally:
        subprocess.run(["umount", place], check=True)


def disks(campaign: Campaign, count: int) -> None:
    """A disk that is full after so many bytes: at every step that writes, sooner or later."""
    for i in tqdm.trange(count, desc="full disks", disable=None):
        run, place = campaign.runs[i % len(campaign.runs)], campaign.fresh()
        expected, _ = campaign.undisturbed(run)
        model = (
            campaign.folder / "whole" / run.experiment / run.method / "model.safetensors"
        ).stat()
        most = 14 * model.st_size + 100_000  # two checkpoints, a third on its way, the outputs
        with small_disk(place, int(most * (i + 0.5) / count)) as grow:
            log = campaign.folder / f"disk{i}.log"
            code = small_runs.wait(small_runs.start(lambda run=run, to=place: run(to, 0), log))
            said = code == 1 and "No space left on device" in log.read_text()
            halves = [path for path in place.rglob(".*") if path.is_file()]
            for path in place.rglob("*.safetensors"):
                seals.check(path, "It is half.")
            grow()
            lost = campaign.finish(run, place) != 0 or bool(halves)
            wrong = not lost and small_runs.result(place) != expected
            campaign.count("full disk" if said else "almost full disk", 1, said, lost, wrong)


def clocks(campaign: Campaign, count: int) -> None:
    """The dates of all files of a killed run are moved by up to fifty years."""
    for i in tqdm.trange(count, desc="clocks", disable=None):
        run, place = campaign.runs[i % len(campaign.runs)], campaign.fresh()
        _, seconds = campaign.undisturbed(run)
        process = campaign.begin(run, place)
        small_runs.kill_after(process, campaign.chance.uniform(0.3, 0.9) * seconds, signal.SIGKILL)
        for path in place.rglob("*"):
            date = time.time() + campaign.chance.uniform(-50, 50) * 3.15e7
            os.utime(path, (date, date))
        campaign.judge("clock jump", run, place)


def pairs(campaign: Campaign, count: int) -> None:
    """Two processes begin the same run: one is refused, the other's result is right."""
    for i in tqdm.trange(count, desc="pairs", disable=None):
        run, place = campaign.runs[i % len(campaign.runs)], campaign.fresh()
        processes = [campaign.begin(run, place, 0.05) for _ in range(2)]
        codes = sorted(small_runs.wait(process) for process in processes)
        refused = "is held by another" in (place / "log").read_text()
        campaign.judge("two trainers of one run", run, place, 1, codes == [0, 1] and refused)


def run(folder: Path, seed: int, experiments: list[str] | None, **counts: int) -> pd.DataFrame:
    """The campaign; returns its table."""
    campaign = Campaign(folder, seed, experiments)
    for work in (kills, flips, disks, clocks, pairs):
        if count := counts.get(work.__name__):
            if work is disks and os.geteuid():
                print("full disks are left out: mounting a small disk needs root")
                continue
            work(campaign, count)
    return campaign.table()


def main() -> int:
    """Parse the command line, run the campaign, print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, count in {"kills": 100, "flips": 50, "disks": 14, "clocks": 10, "pairs": 5}.items():
        parser.add_argument(f"--{name}", type=int, default=count)
    parser.add_argument("--experiments", nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    chosen = vars(parser.parse_args())
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults.") as folder:
        table = run(Path(folder), chosen.pop("seed"), chosen.pop("experiments"), **chosen)
    print(table.to_markdown(index=False))
    print(f"\n{time.monotonic() - began:.0f} s")
    return int(table[["lost", "wrong"]].to_numpy().any())


if __name__ == "__main__":
    sys.exit(main())
