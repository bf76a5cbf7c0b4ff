"""All that a GPU is wanted for, in one command that stops in time by itself.

    python benchmarks/on_gpu.py --minutes 25 --out FOLDER [--mirror FOLDER] [--scratch FOLDER]

Three phases, each in processes of its own: checks (`gpu_checks.py`), measures (`gpu_measures.py`),
then training of the study's CIFAR-10 and MNIST in the rest of the time (`gpu_training.py`). What
fails is recorded, and the rest continues. The same command resumes: rows, runs and
checkpoints are in `--scratch`, by default next to `--out`. Into `--out` go, after each phase and in
files under 16 MiB: `rows.jsonl`, `summary.md`, `log.txt` and `runs*.tar.gz`, the finished runs as
they belong below `results/`. SIGTERM ends it as the time does.

It needs Python 3.11 to 3.13 with torch, NumPy, pandas, scikit-learn and Matplotlib, and the wheels
that `make wheels` collects, unpacked in a folder of `PYTHONPATH`. `--device cpu --minutes 3` is a
rehearsal.
"""

import argparse
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))
# What the machine must have, then what `make wheels` brings; the package need not be installed.
NEEDED = ["torch", "numpy", "pandas", "sklearn", "matplotlib"]
NEEDED += ["yaml", "pydantic", "safetensors", "requests", "tqdm", "torchjd", "geotorch", "rotograd"]
if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
    sys.exit(
        f"error: Python must be able to import {', '.join(NEEDED)}. Found none of "
        f"{', '.join(missing)}. Install the wheels of `make wheels`: see docs/cluster.md."
    )

import gpu_rows  # noqa: E402
import gpu_summary  # noqa: E402
import gpu_training  # noqa: E402

from rotograd_replication.config import load as config  # noqa: E402
from rotograd_replication.runtime import preemption, provenance  # noqa: E402
from rotograd_replication.runtime.device import select_device  # noqa: E402

# The part of the time after which a phase ends, whatever is left of it; training has the rest.
SHARES = {"checks": 0.25, "measures": 0.6}
# Seconds after which one item counts as hanging.
PATIENCE = 180.0
# Bytes of the files of runs that go into one archive.
ARCHIVE = 12 << 20
LARGEST = 16 << 20


def phase(
    name: str,
    rows: gpu_rows.Rows,
    arguments: argparse.Namespace,
    until: float,
    requests: preemption.StopRequests,
) -> None:
    """Run a phase's process to its end, again after one that died or hung in an item."""
    words = [sys.executable, str(Path(__file__).with_name(f"gpu_{name}.py"))]
    words += ["--device", arguments.device, "--rows", str(rows.file), "--until", str(until)]
    words += ["--threads", str(arguments.threads)]
    while time.time() < until and not requests.requested:
        before = len(rows.results(name))
        with open(arguments.scratch / "log.txt", "a") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
        reason = watch(process, name, rows, until, requests)
        if process.returncode == 0 or time.time() >= until or requests.requested:
            return  # an item that was stopped in the middle is begun anew another time
        if item := rows.open_item(name):
            rows.add(name, item["item"], failed=reason)
        elif len(rows.results(name)) == before:
            rows.add(name, "all", failed=reason)
            return


def watch(
    process: subprocess.Popen,
    name: str,
    rows: gpu_rows.Rows,
    until: float,
    requests: preemption.StopRequests,
) -> str:
    """Wait for a phase's process, and end it with all that it started when its time is up.

    Returns:
        Why it ended, for the item that it was at.
    """
    while process.poll() is None:
        time.sleep(0.2)
        item = rows.open_item(name)
        hangs = item and time.time() - item["time"] > PATIENCE
        if hangs or time.time() > until or requests.requested:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"did not end in {PATIENCE:.0f} s"
    return f"its process ended with {process.returncode}: see log.txt"


def publish(rows: gpu_rows.Rows, machine: dict, arguments: argparse.Namespace) -> str:
    """Write everything that is found so far under `--out`; returns the summary."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    text = gpu_summary.summary(rows, machine)
    (arguments.out / "summary.md").write_text(text)
    for name in ("rows.jsonl", "log.txt"):
        if (arguments.scratch / name).exists():
            shutil.copy(arguments.scratch / name, arguments.out / name)
            with open(arguments.out / name, "a") as file:
                file.truncate(min(file.tell(), LARGEST - 1))
    for number, group in enumerate(groups(list(gpu_training.finished(arguments.scratch))), 1):
        with tarfile.open(arguments.out / f"runs{number}.tar.gz", "w:gz") as archive:
            for path in group:
                archive.add(path, path.relative_to(arguments.scratch))
    return text


def groups(files: list[Path]) -> list[list[Path]]:
    """The files in their order, in groups of at most `ARCHIVE` bytes, or of one larger file."""
    found: list[list[Path]] = []
    room = 0
    for file in files:
        room -= file.stat().st_size
        if not found or room < 0:
            found.append([])
            room = ARCHIVE - file.stat().st_size
        found[-1].append(file)
    return found


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, required=True, help="of all phases together")
    parser.add_argument("--out", type=Path, required=True, help="where the findings go")
    parser.add_argument("--scratch", type=Path, help="where rows, runs and checkpoints are")
    parser.add_argument("--mirror", type=Path, help="a folder of the datasets' original archives")
    parser.add_argument("--prepared", type=Path, default=ROOT / "data" / "prepared")
    parser.add_argument("--study", default="paper")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    return parser


def main() -> int:
    """Check, measure, train, and say what was found."""
    begun = time.time()
    arguments = parser().parse_args()
    until = begun + 60 * arguments.minutes
    arguments.out = arguments.out.resolve()
    arguments.scratch = arguments.scratch or arguments.out.with_name(
        f"{arguments.out.name}.scratch"
    )
    arguments.scratch = arguments.scratch.resolve()
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    paths = [str(ROOT / "src"), os.environ.get("PYTHONPATH")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))  # of all that this starts
    device = select_device(arguments.device)
    machine = provenance.describe(device, ROOT) | {"threads": arguments.threads}
    rows = gpu_rows.Rows(arguments.scratch / "rows.jsonl", provenance.hardware(device))
    rows.add("machine", "facts", **{k: v for k, v in machine.items() if k != "device"})
    training = gpu_training.Training(
        config.load_study(ROOT / "configs", arguments.study),
        arguments.study,
        arguments.device,
        arguments.threads,
        arguments.scratch,
        arguments.prepared,
        arguments.mirror,
        rows,
    )
    with preemption.catch_signals() as requests:
        for name, share in SHARES.items():
            phase(name, rows, arguments, begun + share * 60 * arguments.minutes, requests)
            publish(rows, machine, arguments)
        try:
            training.train(until, lambda: requests.requested is not None)
        except Exception as error:
            rows.add("training", "all", failed=f"{type(error).__name__}: {error}")
        print(publish(rows, machine, arguments), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
