"""Runs of a study on a device until time is up: the last phase of `on_gpu.py`.

Runs are trained and evaluated by the package's own commands, several at once where the second phase
found that faster. First comes the run of most value per minute: a method without which no row of a
table can be read counts as three others, a further seed less than the one before. A run that does
not end in time is asked to save its state, and the same command resumes it.
"""

import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gpu_rows

from rotograd_replication.config import schema, stages
from rotograd_replication.config.settings import run_digest
from rotograd_replication.files import atomic as records
from rotograd_replication.runtime.preemption import EXIT_CODE

EXPERIMENTS = ("cifar10", "digits")
SPLITS = ("train", "val", "test")
# What a run is worth; every other method 1.
WORTH = {"vanilla": 3.0, "rotograd": 3.0, "single_task": 3.0}
# Seconds that a process takes to start, and those in which it saves its state and ends.
START, END = 20.0, 20.0


@dataclass(frozen=True)
class Run:
    """One run of the study."""

    experiment: str
    method: str
    seed: int

    @property
    def name(self) -> str:
        """Its folder below the study's."""
        return f"{self.experiment}/{self.method}/seed{self.seed}"

    @property
    def worth(self) -> float:
        """Of its numbers next to those of other runs."""
        return WORTH.get(self.method, 1.0) / (1 + self.seed)


@dataclass
class Training:
    """Trains runs of a study in processes of their own.

    Attributes:
        study: the configuration.
        name: the study's.
        device: by its name in a configuration.
        threads: of all processes together.
        folder: of data, runs and their checkpoints.
        prepared: a folder of prepared datasets, `<dataset>/.../train.safetensors`.
        mirror: a folder of archives to prepare others from; None downloads them.
        rows: where what is finished is said.
    """

    study: schema.Study
    name: str
    device: str
    threads: int
    folder: Path
    prepared: Path
    mirror: Path | None
    rows: gpu_rows.Rows
    code: str = field(default_factory=lambda: stages.code(*stages.TRAIN))

    def call(self, verb: str, **options: Any) -> list[str]:
        """The command line of a verb of the package."""
        words = [sys.executable, "-m", "rotograd_replication", verb]
        given = {key: value for key, value in options.items() if value is not None}
        return words + [str(word) for key, value in given.items() for word in (f"--{key}", value)]

    def start(self, command: list[str]) -> subprocess.Popen:
        """Start one, its messages going into `log.txt`."""
        with open(self.folder / "log.txt", "a") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def splits(self, dataset: str, over: Callable[[], bool] = lambda: True) -> dict[str, Path]:
        """The dataset's prepared files: those given, or those made here.

        Args:
            dataset: its name.
            over: whether no time is left to make them.

        Raises:
            ValueError: they are not there and could not be made.
        """
        for folder in (self.prepared, self.folder / "data"):
            for file in sorted((folder / dataset).rglob("train.safetensors")):
                return {split: file.with_name(f"{split}.safetensors") for split in SPLITS}
        folder = self.folder / "data" / dataset
        archives = folder / "raw" / "archives.json"
        outputs = {split: folder / f"{split}.safetensors" for split in SPLITS}
        fetch = self.call("fetch", dataset=dataset, mirror=self.mirror, out=archives)
        prepare = self.call("prepare", dataset=dataset, archives=archives, **outputs)
        for command in (fetch, prepare):
            process = self.start(command)
            while process.poll() is None and not over():
                time.sleep(0.2)
            if process.poll() != 0:
                process.kill()
                process.wait()
                raise ValueError(
                    f"`{dataset}` must be prepared before it is trained on. `{command[3]}` failed "
                    "or had no time: see log.txt. Give `--mirror` a folder of its archives."
                )
        return outputs

    def files(self, run: Run) -> dict[str, Path]:
        """What a run leaves."""
        folder = self.folder / "results" / self.name / run.name
        names = {"model": "model.safetensors", "history": "history.csv", "record": "run.json"}
        return {key: folder / name for key, name in names.items()} | {
            "metrics": folder / "metrics.json",
            "checkpoint": folder / "checkpoint",
        }

    def digest(self, run: Run) -> str:
        """Of the run's configuration."""
        return run_digest(self.study, run.experiment, run.method)

    def has(self, run: Run, kind: str) -> bool:
        """Whether a run's `record` or `metrics` are of the present configuration and code."""
        path = self.files(run)[kind]
        if not path.exists():
            return False
        found = records.read_json(path)
        return (found["configuration"], found["code"]) == (self.digest(run), self.code)

    def command(self, run: Run, threads: int) -> list[str]:
        """What is to be done next for a run that is not finished."""
        data, files = self.splits(self.study.experiments[run.experiment].dataset), self.files(run)
        same = {"study": self.name, "experiment": run.experiment, "device": self.device}
        same |= {"threads": threads}
        if self.has(run, "record"):
            paths = {key: files[key] for key in ("model", "record", "metrics")}
            return self.call("evaluate", **same, test=data["test"], **paths)
        paths = {key: files[key] for key in ("checkpoint", "model", "history", "record")}
        one = {"method": run.method, "seed": run.seed, "digest": self.digest(run)}
        splits = {split: data[split] for split in ("train", "val")}
        return self.call("train", **same, code=self.code, **one, **splits, **paths)

    def with_data(self, over: Callable[[], bool]) -> list[str]:
        """The experiments whose data are there, or could be prepared; of others it is recorded."""
        found = []
        for experiment in EXPERIMENTS:
            try:
                self.splits(self.study.experiments[experiment].dataset, over)
                found.append(experiment)
            except ValueError as error:
                self.rows.add("training", experiment, failed=str(error))
        return found

    def runs(self, experiments: list[str]) -> list[Run]:
        """What is not finished yet, most value per minute first; nothing that waits for tuning."""
        chosen = {name: self.study.experiments[name] for name in experiments}
        every = [
            Run(name, method, seed)
            for name, experiment in chosen.items()
            for method in experiment.methods
            if not experiment.grid(method)
            for seed in range(experiment.seeds.value)
        ]
        left = [run for run in every if not self.has(run, "metrics")]
        return sorted(left, key=lambda run: -run.worth / self.seconds(run))

    def seconds(self, run: Run) -> float:
        """What a run takes by the second phase's step times; where it has none, 1 s a step."""
        experiment = self.study.experiments[run.experiment]
        data, training = self.study.datasets[experiment.dataset], experiment.training
        samples = training.training_samples.value or data.samples.train
        steps = training.epochs.value * math.ceil(samples / training.batch_size.value)
        separate = experiment.methods[run.method].separate
        networks = len(data.tasks) if separate else 1
        measured = self.rows.results("measures")
        rows = (measured.get(f"{run.experiment}/{m}", {}) for m in (run.method, "vanilla"))
        step = next((row["step_seconds"] for row in rows if "step_seconds" in row), 1.0)
        return START + steps * networks * step

    def together(self) -> tuple[int, float]:
        """How many runs at once give the most images a second, and how much longer each takes."""
        rates: dict[int, list[float]] = {}
        measured = self.rows.results("measures")
        for experiment in EXPERIMENTS:
            of = [measured.get(f"packed/{experiment}/{n}", {}) for n in (1, 2, 4, 8)]
            found = {row["processes"]: row["images_per_s"] for row in of if "images_per_s" in row}
            for count, rate in found.items() if 1 in found else ():
                rates.setdefault(count, []).append(rate / found[1])
        gains = {count: sum(one) / len(one) for count, one in rates.items()}
        best = max(gains, key=gains.__getitem__, default=1)
        return best, best / gains.get(best, 1.0)

    def train(self, until: float, asked_to_end: Callable[[], bool]) -> None:
        """Train and evaluate until the time is up, or until this process is asked to end.

        A run whose training cannot end in time is begun only where nothing else is left to begin:
        it resumes from its state another time.
        """
        count, longer = self.together()
        running: dict[Run, tuple[subprocess.Popen, float]] = {}

        def over() -> bool:
            return time.time() > until - END or asked_to_end()

        left = self.runs(self.with_data(over))
        while (left or running) and not over():
            for run in [run for run, (process, _) in running.items() if process.poll() is not None]:
                process, begun = running.pop(run)
                if process.returncode == 0 and not self.has(run, "metrics"):
                    left.insert(0, run)
                else:
                    self.note(run, process.returncode, begun)
            while left and len(running) < count:
                rest = until - END - time.time()
                fits = (run for run in left if longer * self.seconds(run) < rest)
                run = left[0] if self.has(left[0], "record") else next(fits, left[0])
                left.remove(run)
                command = self.command(run, max(1, self.threads // count))
                running[run] = (self.start(command), time.time())
            time.sleep(0.2)
        self.stop(running)

    def stop(self, running: dict[Run, tuple[subprocess.Popen, float]]) -> None:
        """Ask what still runs to save its state; end what does not."""
        for process, _ in running.values():
            process.terminate()
        last = time.time() + END
        for run, (process, begun) in running.items():
            try:
                process.wait(max(0.1, last - time.time()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.note(run, process.returncode, begun)

    def note(self, run: Run, code: int, begun: float) -> None:
        """Say what a process of a run came to."""
        facts: dict[str, Any] = {"seconds": time.time() - begun}
        if code == 0 and self.has(run, "metrics"):
            record = records.read_json(self.files(run)["metrics"])
            facts |= {"finished": True, "trained_seconds": record["seconds"]}
            facts |= {"metrics": record["metrics"], "diverged": record["diverged"]}
        elif code in (0, EXIT_CODE, -signal.SIGTERM):  # the last before it could take signals in
            facts |= {"saved": True}
        else:
            facts |= {"failed": f"ended with {code}: see log.txt"}
        self.rows.add("training", run.name, **facts)


def finished(folder: Path) -> Iterator[Path]:
    """The files of finished runs that are worth bringing home: all but models and checkpoints."""
    for metrics in sorted(folder.rglob("metrics.json")):
        yield from (metrics.with_name(n) for n in ("metrics.json", "run.json", "history.csv"))
