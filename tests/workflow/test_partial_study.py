"""A study of which only some runs are there: its outputs are made, say so, and can be committed."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from rotograd_replication.config import load as config
from rotograd_replication.config.settings import run_digest
from tests.helpers.paths import CONFIGS, ROOT

LITE = ROOT / "results" / "lite"
# Two runs of a published study, as a machine that is not finished has them.
RUNS = [("digits", "single_task", 0), ("digits", "vanilla", 0)]
TARGETS = ["results", "tables", "figures", "verdicts"]


@pytest.fixture
def tree(tmp_path):
    """A checkout without results, in a repository of its own."""
    ignore = shutil.ignore_patterns("__pycache__", ".snakemake")
    for name in ("Snakefile", "rules", "profiles", "configs", "src", "tests", "CITATION.cff"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def take(tree, experiment, method, seed):
    """Write a run of `lite` as one of `paper`: another configuration, the same files."""
    run = LITE / experiment / method / f"seed{seed}"
    folder = tree / "results" / "paper" / experiment / method / f"seed{seed}"
    folder.mkdir(parents=True)
    record = json.loads((run / "metrics.json").read_text())
    study = config.load_study(CONFIGS, "paper")
    record |= {"study": "paper", "configuration": run_digest(study, experiment, method)}
    (folder / "metrics.json").write_text(json.dumps(record))
    shutil.copy(run / "history.csv", folder)


def call(tree, *words):
    environment = os.environ | {"PYTHONPATH": str(tree / "src")}
    done = subprocess.run(words, cwd=tree, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout


def test_outputs_of_some_runs_are_made_and_made_again_to_the_byte(tree):
    for run in RUNS:
        take(tree, *run)
    snakemake = [sys.executable, "-m", "snakemake", "--cores", "1"]
    call(tree, *snakemake, "--config", "study=paper", "present=yes", "--", *TARGETS)
    table = (tree / "paper_tables/paper/digits.md").read_text()
    assert "n = 1 seed," in table
    assert "Not run, digits: seeds 1 to 9 of Single task / Vanilla; every seed of" in table
    assert "Not run: digits_svhn." in table
    figures = sorted(p.name for p in (tree / "figures/paper").glob("*.csv"))
    assert figures == ["convergence.csv", "tuning.csv"]
    verdicts = json.loads((tree / "results/paper/verdicts.json").read_text())
    claims = {claim["id"]: claim for claim in verdicts["claims"]}
    tests = {test["id"]: test for test in claims["digits"]["tests"]}
    assert tests["digits_vanilla_hurt"]["n"] == 1
    assert tests["digits_vanilla_hurt"]["verdict"] == "inconclusive"
    assert tests["digits_mgda_fails"]["verdict"] == "not run"
    assert claims["cifar10"]["verdict"] == "not run"

    call(tree, "git", "init", "-q")
    call(tree, "git", "add", "-f", "results", "paper_tables", "figures")
    pytest_call = [sys.executable, "-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider"]
    golden = "tests/workflow/test_committed_outputs.py"
    out = call(tree, *pytest_call, golden, "-k", "paper")
    # digits, four tables, two figures, hyper-parameters, verdicts, and that nothing is left over
    assert "10 passed" in out
