"""The method that docs/extend.md adds is added as written, and trained."""

import json
import re
import shutil
import subprocess
import sys

from tests.paths import ROOT


def test_the_worked_method_trains(tmp_path):
    text = (ROOT / "docs" / "extend.md").read_text()
    python = re.search(r"```python\n(.*?)```", text, re.S)[1]
    entry = re.search(r"```yaml\n(.*?)```", text, re.S)[1]
    for name in ("Snakefile", "rules", "profiles", "configs", "src", "CITATION.cff"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    (tmp_path / "src/rotograd_replication/methods/unit.py").write_text(python)
    with open(tmp_path / "configs/methods.yaml", "a") as file:
        file.write("\n" + entry)
    experiment = tmp_path / "configs/experiments/toy_convex.yaml"
    experiment.write_text(
        re.sub(
            r"\nmethods:.*",
            "\nmethods: [vanilla, rotograd, unit]\n",
            experiment.read_text(),
            flags=re.S,
        )
    )
    command = [sys.executable, "-m", "snakemake", "results/quick/toy_convex.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    record = json.loads((tmp_path / "results/quick/toy_convex/unit/seed0/metrics.json").read_text())
    assert record["method"] == "unit" and record["metrics"]
