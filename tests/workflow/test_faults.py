"""What may befall a workflow: runs that come to nothing, a second one beside it, a short campaign."""

import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from rotograd_replication.files import atomic as records
from tests.helpers.paths import ROOT
from tests.workflow.test_workflow import jobs, snakemake, tree  # noqa: F401

WILD = """
title: Wild
summary: Two toys, one of them at a learning rate that nothing survives.
device: cpu
threads: 1
batch: experiment
experiments:
  toy_convex:
    seeds: &one {value: 1, source: "choice: a test"}
    training:
      epochs: {value: 5, source: "choice: a test"}
  toy_nonconvex:
    seeds: *one
    training:
      optimizer:
        learning_rate: {value: 1.0e+30, source: "choice: a test"}
tables: {}
figures:
  toy: [toy_convex, toy_nonconvex]
"""


@pytest.fixture
def study(tree):  # noqa: F811
    """A tree with the study `wild`."""
    (tree / "configs" / "studies" / "wild.yaml").write_text(WILD)
    return tree


def test_diverged_runs_are_listed_at_the_end_and_the_rest_is_done(study):
    output = snakemake(study, "--config", "study=wild", code=1)
    lines = [line for line in output.splitlines() if line.startswith("toy_nonconvex/")]
    assert len(lines) == 2 and all("seed 0: the loss of `" in line for line in lines)
    assert "2 runs diverged; tables count and leave them out." in output
    results = study / "results" / "wild"
    assert all(p.is_file() for p in (results / "verdicts.json", study / "figures/wild/toy.pdf"))
    runs = {p.parts[-4]: records.read_json(p) for p in sorted(results.rglob("metrics.json"))}
    assert runs["toy_convex"]["metrics"] and runs["toy_convex"]["diverged"] is None
    assert runs["toy_nonconvex"]["metrics"] is None
    assert list((results / "toy_nonconvex").rglob("diverged.safetensors")), "evidence is kept"


def test_of_two_workflows_in_one_folder_one_waits_for_its_turn(study):
    """The second is refused with the reason; the first, and then the second, come to their end."""
    target = ["results/wild/toy_convex.csv", "--config", "study=wild"]
    command = [os.path.join(os.path.dirname(sys.executable), "snakemake"), *target]
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    first = subprocess.Popen(command, cwd=study, env=kept, **pipes)
    while not any((study / ".snakemake" / "locks").glob("*")):
        assert first.poll() is None
    refused = snakemake(study, *target, code=1)
    said, _ = first.communicate()
    assert first.returncode == 0, said
    assert "cannot be locked" in refused and "--unlock" in refused and "Traceback" not in refused
    assert "Nothing to be done" in snakemake(study, *target)


def test_a_call_that_prepares_data_again_trains_what_is_missing_and_nothing_else(study):
    """Snakemake left such trainings out: https://github.com/snakemake/snakemake/issues/4166."""
    first, both = (
        "results/wild/toy_convex/vanilla/seed0/metrics.json",
        "results/wild/toy_convex.csv",
    )
    (study / "configs/studies/wild.yaml").write_text(
        WILD.replace("batch: experiment", "batch: run")
    )
    snakemake(study, first, "--config", "study=wild")
    trained = (study / first).read_bytes()
    prepare = study / "src" / "rotograd_replication" / "data" / "prepare.py"
    prepare.write_text(prepare.read_text() + "\nEDITED = 1\n")
    snakemake(study, both, "--config", "study=wild")
    assert (study / first).read_bytes() == trained and (study / both).is_file()


def test_a_job_that_fails_removes_no_result_and_the_next_call_makes_it(study):
    """What git holds outlives a failure, also where Snakemake knows nothing of it."""
    files = ["results/wild/toy_convex.csv", "results/wild/toy_convex/vanilla/seed0/metrics.json"]
    snakemake(study, files[0], "--config", "study=wild")
    shutil.rmtree(study / ".snakemake")
    shutil.rmtree(study / "logs")
    kept = [(study / file).read_bytes() for file in files]
    wild = study / "configs/studies/wild.yaml"
    wild.write_text(WILD.replace("epochs: {value: 5", "epochs: {value: 6"))
    evaluate = study / "src/rotograd_replication/training/evaluate.py"
    written = evaluate.read_text()
    evaluate.write_text(written + "\nraise RuntimeError('a fault')\n")
    output = snakemake(study, files[0], "--config", "study=wild", code=1)
    assert "training.epochs is 6, was 5" in output and "RuntimeError: a fault" in output
    assert [(study / file).read_bytes() for file in files] == kept
    evaluate.write_text(written)
    output = snakemake(study, files[0], "--config", "study=wild")
    assert all((study / file).read_bytes() != old for file, old in zip(files, kept, strict=True))
    log = (study / "logs/wild/toy_convex/train.log").read_text()
    assert "evaluated" in log and "trained" not in log, "what was trained is evaluated"


def test_a_result_that_a_failed_job_was_to_make_again_is_made_by_the_next_call(study):
    target, options = "results/wild/toy_convex.csv", ("--config", "study=wild")
    snakemake(study, target, *options)
    kept = (study / target).read_bytes()
    aggregate = study / "src/rotograd_replication/results/aggregate.py"
    written = aggregate.read_text()
    aggregate.write_text(written + "\nraise RuntimeError('a fault')\n")
    snakemake(study, target, *options, code=1)
    assert (study / target).read_bytes() == kept
    aggregate.write_text(written)
    assert "aggregate_toy_convex" in jobs(snakemake(study, "-n", target, *options))


def test_a_short_campaign_loses_nothing():
    """Kills, flipped bytes, moved dates, two trainers: `benchmarks/faults.py` on two experiments."""
    counts = ["--kills", "6", "--flips", "4", "--disks", "0", "--clocks", "1", "--pairs", "1"]
    command = [sys.executable, ROOT / "benchmarks" / "faults.py", *counts]
    command += ["--experiments", "toy_nonconvex", "digits"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.strip("| ").split("|") for line in done.stdout.splitlines() if line[:1] == "|"]
    table = pd.DataFrame(rows[2:], columns=[name.strip() for name in rows[0]]).set_index("fault")
    table = table.astype(int)
    assert len(table) == 8 and table["faults"].sum() >= 12
    assert (table["detected"] == table["faults"]).all()
    assert (table["recovered"] == table["faults"]).all()
