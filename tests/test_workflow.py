"""The workflow as a user runs it: dry runs of every target, what an edit reruns, the quick study."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

STUDIES = ["quick", "lite", "paper"]
TREE = ["Snakefile", "rules", "profiles", "configs", "src"]


def snakemake(folder, *arguments, code=0):
    """Run snakemake in a folder; returns everything it printed."""
    command = [str(Path(sys.executable).parent / "snakemake"), *arguments]
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH",)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    output = done.stdout + done.stderr
    assert done.returncode == code, output[-6000:]
    return output


@pytest.fixture
def tree(tmp_path):
    """A checkout's own files in an empty folder."""
    for name in TREE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    return tmp_path


def jobs(output):
    """Rule -> how many of its jobs a dry run lists."""
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", output, re.M)}


@pytest.mark.parametrize("study", STUDIES)
def test_dry_run_of_everything(tree, study):
    found = jobs(snakemake(tree, "-n", "--config", f"study={study}"))
    assert found["table"] >= 2 and found["figure"] >= 4 and found["ledger"] == 1


@pytest.mark.parametrize(
    "target, rules",
    [
        ("tables", {"table", "ledger"}),
        ("figures", {"figure", "train_stability"}),
        ("results", {"aggregate_cifar10"}),
        ("data", {"fetch", "prepare"}),
        ("paper_tables/paper/digits.md", {"table", "train_digits"}),
        ("figures/paper/toy.pdf", {"figure", "train_toy_convex"}),
        ("results/paper/cifar10/rotograd/seed3/metrics.json", {"evaluate_cifar10"}),
    ],
)
def test_dry_run_of_every_target(tree, target, rules):
    found = jobs(snakemake(tree, "-n", target, "--config", "study=paper"))
    assert rules <= set(found)
    if target.endswith("metrics.json"):
        assert found["train_cifar10"] == 1
    if target.endswith("digits.md"):
        assert "train_cifar10" not in found


def commands():
    """Every snakemake command of the README, as written."""
    lines = (ROOT / "README.md").read_text().replace("`", "\n").splitlines()
    found = [shlex.split(line, comments=True) for line in lines if "snakemake" in line.split()[:1]]
    return list(dict.fromkeys(tuple(words[1:]) for words in found))


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_commands_of_the_readme(tree, arguments):
    assert "total" in jobs(snakemake(tree, "-n", *arguments))


@pytest.mark.parametrize(
    "option, expected",
    [
        ("study=qiuck", "Did you mean `quick`?"),
        ("stuyd=quick", "Did you mean `study`?"),
        ("device=tpu", "must be auto, cpu or cuda. Found tpu"),
    ],
)
def test_bad_options_are_one_message(tree, option, expected):
    output = snakemake(tree, "-n", "--config", option, code=1)
    assert expected in output
    assert "Traceback" not in output


def test_a_seed_that_is_not_a_number_has_no_rule(tree):
    snakemake(tree, "-n", "results/quick/digits/rotograd/seedone/metrics.json", code=1)


def test_an_empty_mirror_stops_before_anything_is_written(tree):
    (tree / "empty").mkdir()
    target = "data/raw/mnist/archives.json"
    output = snakemake(tree, target, "--config", "study=lite", "mirror=empty", code=1)
    assert "train-images-idx3-ubyte.gz" in output
    assert "Traceback" not in output
    assert not list((tree / "data").rglob("*.gz"))


SMALL = """
title: Small
summary: The end-to-end test.
device: cpu
threads: 1
batch: method
experiments:
  toy_nonconvex:
    training: {epochs: {value: 3, source: "choice: a test"}}
  digits:
    dataset: mnist_standin
    seeds: {value: 1, source: "choice: a test"}
    methods: [single_task, vanilla, rotograd]
    training:
      epochs: {value: 1, source: "choice: a test"}
      training_samples: {value: 200, source: "choice: a test"}
      batch_size: {value: 100, source: "choice: a test"}
tables: {digits: [digits]}
figures: {convergence: [digits]}
"""


@pytest.mark.slow
def test_end_to_end_and_what_an_edit_reruns(tree):
    (tree / "configs" / "studies" / "small.yaml").write_text(SMALL)
    study = ["--config", "study=small"]
    snakemake(tree, *study)
    table = (tree / "paper_tables/small/digits.md").read_text()
    assert "RotoGrad" in table and "stand-in" in table.lower()
    for kind in ("csv", "pdf", "png"):
        assert (tree / f"figures/small/convergence.{kind}").stat().st_size > 100
    assert "Nothing to be done" in snakemake(tree, "-n", *study)

    style = tree / "src/rotograd_replication/figures/_style.py"
    style.write_text(style.read_text() + "\n# another look\n")
    found = jobs(snakemake(tree, "-n", *study))
    assert found.pop("total") and set(found) == {"figure", "all"}, "an edit of plots redraws plots"
    snakemake(tree, *study)

    toy = tree / "configs/experiments/toy_nonconvex.yaml"
    toy.write_text(toy.read_text().replace("5.0e-2", "4.0e-2"))
    found = jobs(snakemake(tree, "-n", "results", *study))
    assert {k for k in found if k.startswith("train")} == {"train_toy_nonconvex"}

    # A fresh clone with committed results: no intermediates, no metadata, and nothing retrains.
    toy.write_text(toy.read_text().replace("4.0e-2", "5.0e-2"))
    shutil.rmtree(tree / ".snakemake")
    shutil.rmtree(tree / "data")
    for path in [*(tree / "results").rglob("*.safetensors"), *(tree / "results").rglob("run.json")]:
        path.unlink()
    shutil.rmtree(tree / "paper_tables")
    found = jobs(snakemake(tree, "-n", *study))
    assert not [rule for rule in found if rule.startswith(("train", "evaluate", "fetch"))]
    snakemake(tree, "tables", *study)
    assert (tree / "paper_tables/small/digits.md").read_text() == table

    # Results of another configuration are refused with the remedy.
    digits = tree / "configs/studies/small.yaml"
    digits.write_text(SMALL.replace("value: 100", "value: 50"))
    output = snakemake(tree, "--forcerun", "aggregate_digits", "--rerun-triggers", "mtime",
                       *study, code=1)  # fmt: skip
    assert "configuration" in output and "--forcerun" in output


@pytest.mark.slow
def test_quick_study(tree):
    """What `make quick` runs."""
    snakemake(tree)
    for name in ("cifar10", "digits", "nyuv2", "nyuv2_global"):
        text = (tree / f"paper_tables/quick/{name}.md").read_text()
        assert "STAND-IN" in text
    assert len(list((tree / "figures/quick").glob("*.pdf"))) == 6
