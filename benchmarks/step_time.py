"""Step times of every method on the paper's workloads, as ratios to Vanilla's step.

    python benchmarks/step_time.py [WORKLOAD ...] [--contenders NAME ...] [--minutes N] [--device D]
    python benchmarks/step_time.py --draw

Each contender has a process of its own, where it and Vanilla take steps in turn, on random inputs
of the data's shape and the experiment's batch size. A ratio is that of two neighbouring steps: the
table gives its median and quartiles. The first pair warms up and counts only where `--limit`
seconds are gone with it; a contender whose first step outlasts `--patience` minutes, or that does
not fit in memory, gets a row that says so. Contenders are the experiment's methods, its RotoGrad
with every other parametrisation of rotations (`rotograd_dynamic`), `official` (the package
`rotograd`) and `torchjd_<aggregator>`: see `contenders.py`.

Each row goes into `paper_tables/cost.csv` as it is measured. No contender is begun after
`--minutes`, and the same command measures what is not measured yet by the present code, torch
and number of threads. `--draw` makes `paper_tables/cost.md` and `figures/cost.{pdf,png}` of it,
with the peaks that `memory.py` has measured and the paper's ratios of hours next to them.
"""

import argparse
import functools
import importlib.metadata
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cost_report
import pandas as pd
import torch
from contenders import Contender, backbone_gflop, checked, official, ours, torchjd_step

from rotograd_replication import plugins
from rotograd_replication.config import load as config
from rotograd_replication.config import schema
from rotograd_replication.config.settings import run_settings
from rotograd_replication.files import atomic as records
from rotograd_replication.runtime import provenance
from rotograd_replication.runtime.device import make_deterministic

ROOT = Path(__file__).parents[1]
KEY = ["workload", "contender", "kind"]
CSV = ROOT / "paper_tables" / "cost.csv"
MEMORY = ROOT / "paper_tables" / "memory.csv"
# What measurements depend on: their revision is the last commit of these.
CODE = ["src", "benchmarks", "configs", "requirements.lock"]
# Experiment of the paper study -> its RotoGrad, which `official` is too.
WORKLOADS = {
    "cifar10": "rotograd",
    "celeba_conv": "rotograd_50",
    "celeba_resnet": "rotograd_75",
    "nyuv2": "rotograd_subspace",
    "digits": "rotograd",
}
# Contender -> our method by that name, and how many tasks TorchJD differentiates at once: all is
# its default, one the option that its documentation offers for less memory, faster on a CPU.
TORCHJD = {
    "torchjd_PCGrad": ("pcgrad", 1),
    "torchjd_PCGrad_at_once": ("pcgrad", None),
    "torchjd_MGDA": ("mgda", 1),
    "torchjd_IMTLG": ("imtl_g", 1),
    "torchjd_GradDrop": ("graddrop", 1),
}


@functools.cache
def study() -> schema.Study:
    """The paper study."""
    return config.load_study(ROOT / "configs", "paper")


def chosen(workload: str, name: str) -> tuple[dict[str, Any], schema.Dataset]:
    """The settings and the data of a contender's run in the paper study."""
    experiment = study().experiments[workload]
    base, parametrisation = (
        (name, None) if name in experiment.methods else cost_report.variant(name)
    )
    base = WORKLOADS[workload] if base == "official" else base
    base = "vanilla" if base in TORCHJD else base
    settings = run_settings(study(), workload, base)
    if parametrisation:
        settings["method"]["parameters"]["parametrisation"] = parametrisation
    return settings, study().datasets[experiment.dataset]


def build(workload: str, name: str, device: torch.device, seed: int = 0) -> Contender:
    """A contender's step on one batch that stays the same."""
    settings, data = chosen(workload, name)
    batch = settings["training"]["batch_size"]
    torch.manual_seed(seed)
    if name == "official":
        return official(settings, data, batch, device)
    if name in TORCHJD:
        aggregator, chunk = name.split("_")[1], TORCHJD[name][1]
        return torchjd_step(settings, data, batch, device, aggregator, chunk)
    return ours(settings, data, batch, device)


def maps(workload: str) -> list[str]:
    """The workload's RotoGrad as it is configured and with every other parametrisation."""
    rotated = WORKLOADS[workload]
    own = chosen(workload, rotated)[0]["method"]["parameters"]["parametrisation"]
    others = [one for one in plugins.names("rotations") if one != own]
    return [rotated, *(f"{rotated}_{one}" for one in others)]


def names(workload: str) -> list[str]:
    """Every contender of a workload; `separate` networks take steps of Vanilla's kind."""
    methods = [m for m, one in study().experiments[workload].methods.items() if not one.separate]
    jd = [name for name, (method, _) in TORCHJD.items() if method in methods]
    ordered = [*maps(workload), *(m for m in methods if m != "vanilla"), "official", *jd]
    return list(dict.fromkeys(ordered))


def timed(step: Callable[[], object], device: torch.device) -> float:
    """Seconds of one step."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def peak_gflops(device: torch.device) -> float:
    """What a large float32 product reaches here, in GFLOP/s: the best of five."""
    a = torch.randn(2048, 2048, device=device)
    return 2 * 2048**3 / min(timed(lambda: a @ a, device) for _ in range(5)) / 1e9


def pairs(
    base: Callable[[], object],
    other: Callable[[], object],
    device: torch.device,
    repeats: int,
    limit: float,
) -> list[tuple[float, float]]:
    """Seconds of `base` and `other`, in turn: `repeats` pairs or those begun within `limit`.

    `base` takes a step before. The first pair warms `other` up; it is given where `limit` leaves no
    other pair.
    """
    base()
    found: list[tuple[float, float]] = []
    begun = time.perf_counter()
    while len(found) <= repeats and (not found or time.perf_counter() - begun < limit):
        found.append((timed(base, device), timed(other, device)))
    return found[1:] or found


def quartiles(values: list[float]) -> list[float]:
    """The lower quartile, the median and the upper quartile of one value or more."""
    several = values if len(values) > 1 else values * 2
    return statistics.quantiles(several, n=4, method="inclusive")


def measure(workload: str, name: str, device: torch.device, arguments: argparse.Namespace) -> dict:
    """One row, by steps of Vanilla and of `name` in this process.

    A first step that outlasts `--patience` ends the process by SIGALRM; what is known of the row by
    then is printed before.
    """
    base = build(workload, "vanilla", device)
    row = {
        "tasks": base.tasks,
        "batch": base.batch,
        "backbone_gflop": backbone_gflop(*chosen(workload, "vanilla"), base.batch, device),
        "peak_gflop_per_s": peak_gflops(device),
    }
    try:
        other = build(workload, name, device)
        row |= {"m": other.m, "parametrisation": other.parametrisation}
        print(json.dumps(row), flush=True)
        first = iter([checked])

        def step() -> None:
            """The contender's step, the first one watched."""
            if watched := next(first, None):
                signal.setitimer(signal.ITIMER_REAL, 60 * arguments.patience)
                watched(other)
                signal.setitimer(signal.ITIMER_REAL, 0)
            else:
                other.step()

        both = pairs(base.step, step, device, arguments.repeats, arguments.limit)
    except (RuntimeError, MemoryError) as error:
        if "memory" not in f"{type(error).__name__} {error}".lower():
            raise
        return row | {"note": f"not measured: a step needs more than {room() / 1e9:.0f} GB"}
    low, middle, high = quartiles([mine / vanilla for vanilla, mine in both])
    return row | {
        "ratio": middle,
        "ratio_low": low,
        "ratio_high": high,
        "pairs": len(both),
        "seconds": statistics.median(mine for _, mine in both),
        "vanilla_seconds": statistics.median(vanilla for vanilla, _ in both),
    }


def room() -> int:
    """Bytes that a process may take at present, as the system counts; taken as its limit."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    available = next(line for line in lines if line.startswith("MemAvailable"))
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return 1024 * int(available.split()[1]) if soft == resource.RLIM_INFINITY else soft


def answer(script: Path, *words: object) -> dict:
    """What `script` prints last, as JSON, in a process of its own.

    Raises:
        subprocess.CalledProcessError: it failed; its messages went to the terminal.
    """
    command = [sys.executable, script, *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def facts(device: torch.device, threads: int) -> dict[str, object]:
    """What a measurement was made with: machine, packages and code."""
    packages = ("torch", "rotograd", "geotorch", "torchjd")
    last = ["git", "-C", str(ROOT), "log", "-1", "--format=%h", "--abbrev=12", "--", *CODE]
    changes = ["git", "-C", str(ROOT), "status", "--porcelain", "--", *CODE]
    revision, changed = (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        for command in (last, changes)
    )
    return {
        "kind": device.type,
        "device": provenance.hardware(device),
        "cores": len(os.sched_getaffinity(0)),
        "threads": threads,
        "versions": ", ".join(f"{p} {importlib.metadata.version(p)}" for p in packages),
        "revision": f"{revision}+changes" if changed else revision,
    }


def read(file: Path) -> pd.DataFrame:
    """A table of measurements; a revision such as 4e8675865486 is no number."""
    return pd.read_csv(file, dtype={"revision": str}) if file.exists() else pd.DataFrame()


def keep(file: Path, row: dict, key: list[str]) -> None:
    """Put a row into a table, in the place of an earlier measurement of the same `key`."""
    table = pd.concat([read(file), pd.DataFrame([row])])
    with records.atomic(file) as temporary:
        table.drop_duplicates(key, keep="last").to_csv(temporary, index=False)


def there(file: Path, row: dict) -> bool:
    """Whether a table has a row that agrees with `row` in all that it says."""
    table = read(file)
    if not set(row) <= set(table):
        return False
    return bool((table[list(row)] == pd.Series(row)).all(axis=1).any())


def run(workload: str, name: str, arguments: argparse.Namespace, known: dict) -> None:
    """Measure one contender in a process of its own and keep its row."""
    words = ["--one", "--threads", arguments.threads, "--device", arguments.device]
    words += ["--repeats", arguments.repeats, "--limit", arguments.limit]
    try:
        row = answer(
            Path(__file__), workload, "--contenders", name, *words, "--patience", arguments.patience
        )
    except subprocess.CalledProcessError as error:
        if error.returncode != -signal.SIGALRM:
            raise
        row = json.loads(error.stdout.splitlines()[-1])
        row["note"] = f"not measured: one step did not end in {arguments.patience:g} minutes"
    keep(CSV, {"workload": workload, "contender": name} | row | known, KEY)
    found = row.get("note") or f"{row['ratio']:6.2f} x, {row['pairs']} pairs"
    print(f"{workload:14s} {name:28s} {found}", flush=True)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    parser.add_argument("--contenders", nargs="*")
    parser.add_argument("--repeats", type=int, default=15, help="pairs of steps")
    parser.add_argument("--limit", type=float, default=20, help="seconds of pairs a contender")
    parser.add_argument("--patience", type=float, default=10, help="minutes for a first step")
    parser.add_argument("--minutes", type=float, default=10, help="begin no contender after these")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--draw", action="store_true", help="only draw what was measured")
    parser.add_argument("--one", action="store_true", help="print one contender's row as JSON")
    return parser


def main() -> None:
    """Measure what is asked for and not measured yet, each row kept as soon as it is there."""
    arguments = parser().parse_args()
    device = torch.device(arguments.device)
    if arguments.one:
        make_deterministic(arguments.threads)
        if device.type == "cpu":
            resource.setrlimit(resource.RLIMIT_DATA, (room(), resource.RLIM_INFINITY))
        found = measure(arguments.workloads[0], arguments.contenders[0], device, arguments)
        print(json.dumps(found))
        return
    if not arguments.draw:
        known, begun = facts(device, arguments.threads), time.perf_counter()
        asked = [(w, n) for w in arguments.workloads for n in arguments.contenders or names(w)]
        asked = [
            (w, n) for w, n in asked if not there(CSV, {"workload": w, "contender": n} | known)
        ]
        while asked and time.perf_counter() - begun < 60 * arguments.minutes:
            run(*asked.pop(0), arguments, known)
        for workload, name in asked:
            print(f"{workload:14s} {name:28s} left: give the same command again")
    cost_report.draw(ROOT, read(CSV), read(MEMORY))


if __name__ == "__main__":
    main()
