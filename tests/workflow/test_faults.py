"""What may befall a workflow: runs that come to nothing, a second call, faults of its jobs."""

import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from rotograd_replication.files import atomic as records
from tests.helpers.paths import ROOT
from tests.workflow.test_workflow import checkout, jobs, snakemake, tree  # noqa: F401

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


TARGET, OPTIONS = "results/wild/toy_convex.csv", ("--config", "study=wild")


@pytest.fixture
def study(tree):  # noqa: F811
    """A tree with the study `wild`."""
    (tree / "configs" / "studies" / "wild.yaml").write_text(WILD)
    return tree


@pytest.fixture(scope="module")
def two_calls(tmp_path_factory):
    """A tree in which TARGET was asked for twice at the same time, and what the calls printed."""
    folder = checkout(tmp_path_factory.mktemp("wild"))
    (folder / "configs" / "studies" / "wild.yaml").write_text(WILD)
    command = [os.path.join(os.path.dirname(sys.executable), "snakemake"), TARGET, *OPTIONS]
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    first = subprocess.Popen(command, cwd=folder, env=kept, **pipes)
    while not any((folder / ".snakemake" / "locks").glob("*")):
        assert first.poll() is None
    refused = snakemake(folder, TARGET, *OPTIONS, code=1)
    said, _ = first.communicate()
    assert first.returncode == 0, said
    return folder, refused


@pytest.fixture
def made(two_calls, tmp_path):
    """A copy, dates included, of the tree that has TARGET."""
    return shutil.copytree(two_calls[0], tmp_path / "made")


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


def test_of_two_workflows_in_one_folder_one_waits_for_its_turn(two_calls):
    """The second is refused with the reason; the first, and then the second, come to their end."""
    folder, refused = two_calls
    assert "cannot be locked" in refused and "--unlock" in refused and "Traceback" not in refused
    assert "Nothing to be done" in snakemake(folder, TARGET, *OPTIONS)


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


def test_a_job_that_fails_removes_no_result_and_the_next_call_makes_it(made):
    """What git holds outlives a failure, also where Snakemake knows nothing of it."""
    files = [TARGET, "results/wild/toy_convex/vanilla/seed0/metrics.json"]
    shutil.rmtree(made / ".snakemake")
    shutil.rmtree(made / "logs")
    kept = [(made / file).read_bytes() for file in files]
    wild = made / "configs/studies/wild.yaml"
    wild.write_text(WILD.replace("epochs: {value: 5", "epochs: {value: 6"))
    verb = made / "src/rotograd_replication/cli/evaluate.py"  # no training code
    written = verb.read_text()
    verb.write_text(written.replace('"""Run the verb."""', "raise RuntimeError('a fault')"))
    output = snakemake(made, TARGET, "--retries", "0", *OPTIONS, code=1)
    assert "training.epochs is 6, was 5" in output and "RuntimeError: a fault" in output
    assert [(made / file).read_bytes() for file in files] == kept
    verb.write_text(written)
    output = snakemake(made, TARGET, *OPTIONS)
    assert all((made / file).read_bytes() != old for file, old in zip(files, kept, strict=True))
    log = (made / "logs/wild/toy_convex/train.log").read_text()
    assert "evaluated" in log and "trained" not in log, "what was trained is evaluated"


def test_a_result_that_a_failed_job_was_to_make_again_is_made_by_the_next_call(made):
    kept = (made / TARGET).read_bytes()
    aggregate = made / "src/rotograd_replication/results/aggregate.py"
    written = aggregate.read_text()
    aggregate.write_text(written + "\nraise RuntimeError('a fault')\n")
    snakemake(made, TARGET, *OPTIONS, code=1)
    assert (made / TARGET).read_bytes() == kept
    aggregate.write_text(written)
    assert "aggregate_toy_convex" in jobs(snakemake(made, "-n", TARGET, *OPTIONS))


@pytest.mark.first
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
