"""Seconds and memory of `verdict`, `status` and `report` on a thousand made-up runs of `paper`.

    python benchmarks/verbs.py [--runs 1000] [--epochs 20]

Each is run as the workflow runs it, in a process of its own, and must not load torch. The report is
of the seeds that the study asks for.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from tests.helpers import fake_runs  # noqa: E402

CALL = """
import sys
from rotograd_replication.cli import main
code = main()
assert "torch" not in sys.modules, "torch was imported"
sys.exit(code)
"""


def timed(*arguments: str) -> None:
    """Run one verb and print what it took."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", CALL, *arguments], check=True, capture_output=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{arguments[0]}: {time.perf_counter() - start:.1f} s, at most {peak:.0f} MB so far")


def main() -> None:
    """Make up the runs, aggregate them, and time the verbs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()
    study, datasets = fake_runs.configuration("paper")
    seeds = -(-arguments.runs // sum(len(e.methods) for e in study.experiments.values()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        every = {"metrics": [], "history": [], "provenance": []}
        for experiment in study.experiments:
            given = (folder, study, "paper", experiment, datasets)
            files = fake_runs.write(*given, epochs=arguments.epochs, seeds=seeds)
            files.aggregate(study, "paper", experiment, datasets)
            for option, path in zip(
                every, (files.table, files.history, files.provenance), strict=True
            ):
                every[option].append(str(path))
        found = sum(1 for _ in folder.rglob("metrics.json"))
        print(f"{found} runs of {arguments.epochs} epochs")
        options = [word for key, paths in every.items() for word in (f"--{key}", *paths)]
        reported = ["--reported", str(ROOT / "configs/paper/reported.csv")]
        verdicts = str(folder / "verdicts.json")
        timed("verdict", "--study", "paper", *options, *reported, "--out", verdicts)
        run = f"{folder}/{{experiment}}/{{method}}/seed{{seed}}"
        places = ["--record", f"{run}/run.json", "--checkpoint", f"{run}/checkpoint", "--code", "0"]
        timed("status", "--study", "paper", "--metrics", f"{run}/metrics.json", *places)
        gathered = {"metrics": ".csv", "history": "_history.csv", "provenance": ".json"}
        shown = [
            word
            for key, end in gathered.items()
            for word in (f"--{key}", f"{folder}/{{experiment}}{end}")
        ]
        for kind in ("table", "figure"):
            shown += [f"--{kind}s", f"{folder}/{{{kind}}}.{{kind}}"]
        shown += ["--run", f"{run}/metrics.json", "--verdicts", verdicts]
        shown += ["--citation", str(ROOT / "CITATION.cff"), "--out", str(folder / "index.html")]
        timed("report", "--study", "paper", *places, *shown)


if __name__ == "__main__":
    main()
