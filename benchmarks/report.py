"""Seconds and memory that remaking the report of a thousand finished runs takes, in a process.

    python benchmarks/report.py [--seeds 13]

Writes plausible runs of the study `quick` with more seeds into a temporary folder, aggregates them,
then times `report` alone: it must take at most 30 s and 1 GB, and never import torch.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.helpers import fake_runs
from tests.helpers.paths import CONFIGS, ROOT

NAME = "quick"


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=13)
    seeds = parser.parse_args().seeds
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        study, datasets = fake_runs.configuration(NAME)
        runs = 0
        for name in study.experiments:
            files = fake_runs.write(root, study, NAME, name, datasets, epochs=30, seeds=seeds)
            files.aggregate(study, NAME, name, datasets)
            runs += len(files.metrics)
        print(json.dumps({"runs": runs, **measure(root, seeds)}))


def measure(root: Path, seeds: int) -> dict[str, object]:
    """Run `report` in a process of its own; its study has as many seeds as were written."""
    code = f"""
import resource, sys
from pathlib import Path
from rotograd_replication.config import load as config, schema
from rotograd_replication.results import run_states as matrix
from rotograd_replication.report import build as report
study = config.load_study(Path({str(CONFIGS)!r}), {NAME!r})
def more(e):
    seeds = e.seeds.model_copy(update={{"value": {seeds}}})
    return e.model_copy(update={{"seeds": seeds}})
study = study.model_copy(
    update={{"experiments": {{n: more(e) for n, e in study.experiments.items()}}}}
)
root = {str(root)!r}
run = root + "/{{experiment}}/{{method}}/seed{{seed}}/"
report.run(
    study, {NAME!r}, root + "/{{experiment}}.csv", root + "/{{experiment}}_history.csv",
    root + "/{{experiment}}.json",
    matrix.Places(run + "metrics.json", run + "run.json", run + "checkpoint"),
    root + "/{{table}}.{{kind}}", root + "/{{figure}}.{{kind}}", Path(root) / "verdicts.json",
    Path({str(ROOT / "CITATION.cff")!r}), "0123456789abcdef", Path(root) / "index.html",
)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "torch" in sys.modules)
"""
    start = time.perf_counter()
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    memory, torch = done.stdout.split()
    seconds = time.perf_counter() - start
    page = (root / "index.html").stat().st_size / 1e6
    return {
        "seconds": round(seconds, 1),
        "peak_memory_mb": round(float(memory)),
        "torch_imported": torch == "True",
        "page_mb": round(page, 1),
    }


if __name__ == "__main__":
    main()
