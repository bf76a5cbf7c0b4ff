"""A study on a real SLURM of one node, with jobs lost on the way, equals the same study without."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from tests.helpers import slurm_node
from tests.helpers.paths import ROOT
from tests.helpers.slurm_node import Node
from tests.workflow.test_workflow import TREE

# Every value of a run but those that a clock or another process decides.
MEASURED = ("seconds", "peak_memory_mb")
STUDY = """
title: Cluster
summary: A few small runs, one job for each method.
device: auto
threads: 1
batch: method
checkpoint_every: 0.2
experiments:
  toy_nonconvex:
    seeds: {value: 1, source: "choice: a test"}
  digits:
    dataset: mnist_standin
    seeds: {value: 2, source: "choice: a test"}
    methods: [vanilla, rotograd]
    training:
      epochs: {value: 12, source: "choice: a test"}
      training_samples: {value: 1000, source: "choice: a test"}
      batch_size: {value: 64, source: "choice: a test"}
tables:
  digits: [digits]
figures:
  toy: [toy_nonconvex]
"""


def environment(folder):
    """A Python with this environment's packages and the executor's, leaving this one as it is."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    packages = next(folder.glob("lib/*/site-packages"))
    (packages / "main.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT / 'src'}\n")
    uv = [os.path.join(os.path.dirname(sys.executable), "uv"), "pip", "install", "--python", python]
    lock = ROOT / "requirements-slurm.lock"
    done = subprocess.run(
        [*uv, "--require-hashes", "-r", lock], capture_output=True, text=True, timeout=300
    )
    if done.returncode:
        pytest.skip(f"`{lock.name}` cannot be installed here: {done.stderr[-300:]}")
    return python


@pytest.fixture
def node(tmp_path):
    reason = slurm_node.install()
    if reason:
        pytest.skip(f"no SLURM: {reason}")
    with Node(tmp_path / "slurm") as started:
        yield started


def tree(folder, study):
    for name in TREE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        folder.mkdir(exist_ok=True)
        copy(ROOT / name, folder / name)
    (folder / "configs" / "studies" / "cluster.yaml").write_text(study)
    return folder


def trainings(node):
    """SLURM's job number -> whether its training has a saved state to resume from."""
    found = {}
    for process in node.processes():
        try:
            words = process.cmdline()
            if {"rotograd_replication", "train"} <= set(words):
                first = Path(process.cwd(), words[words.index("--checkpoint") + 1])
                found[process.environ()["SLURM_JOB_ID"]] = any(first.glob("*"))
        except psutil.Error:
            pass
    return found


def results(folder):
    """Every result of a tree as comparable content."""
    found = {}
    for path in sorted(folder.glob("results/cluster/*/*/*/metrics.json")):
        content = json.loads(path.read_text())
        found[path.relative_to(folder)] = {k: v for k, v in content.items() if k not in MEASURED}
    for path in sorted(folder.glob("results/cluster/*/*/*/history.csv")):
        history = pd.read_csv(path, dtype=str).drop(columns="seconds")
        found[path.relative_to(folder)] = history.to_csv()
    tables = [*folder.glob("paper_tables/cluster/*.csv"), *folder.glob("figures/cluster/*.csv")]
    for path in [*tables, *folder.glob("results/cluster/[a-z]*[a-z].csv")]:
        if not path.stem.endswith("_history"):
            lines = path.read_text().splitlines()
            costs = ("hours", "× Vanilla")
            found[path.relative_to(folder)] = [
                line for line in lines if not any(cost in line for cost in costs)
            ]
    return found


@pytest.fixture
def study(request):
    """The study to run, its trainings free to take a GPU."""
    name = request.config.getoption("--slurm-study")
    if not name:
        return STUDY
    text = (ROOT / "configs" / "studies" / f"{name}.yaml").read_text()
    return text.replace("device: cpu\n", "device: auto\ncheckpoint_every: 0.2\n")


@pytest.fixture
def local(node, study, tmp_path):
    """A tree in which the study runs without SLURM, at the same time, and the workflow's process."""
    folder = tree(tmp_path / "local", study.replace("batch: method", "batch: experiment"))
    snakemake = os.path.join(os.path.dirname(sys.executable), "snakemake")
    with open(tmp_path / "local.log", "wb") as output:
        workflow = subprocess.Popen(
            [snakemake, "--config", "study=cluster"], cwd=folder, stdout=output, stderr=output
        )
    yield folder, workflow
    workflow.terminate()
    workflow.wait()


@pytest.mark.first
def test_lost_jobs_change_no_result(node, study, local, tmp_path):
    """One job is cancelled, one pre-empted and one loses its slurmd; results are the local ones."""
    python = environment(tmp_path / "environment")
    cluster = tree(tmp_path / "cluster", study)
    log = tmp_path / "snakemake.log"
    arguments = ["--workflow-profile", "profiles/slurm", "--config", "study=cluster"]
    sooner = ["--slurm-init-seconds-before-status-checks", "2"]
    sooner += ["--seconds-between-status-checks", "3", "--slurm-keep-successful-logs"]
    with open(log, "wb") as output:
        workflow = subprocess.Popen(
            [python, "-m", "snakemake", *arguments, *sooner],
            cwd=cluster,
            env={k: v for k, v in node.environment.items() if k != "PYTHONPATH"},
            stdout=output,
            stderr=output,
        )
    faults, hit, gpus, end = ["cancel", "requeue", "crash"], set(), "", time.monotonic() + 3600
    while workflow.poll() is None:
        assert time.monotonic() < end, log.read_text()[-3000:] + node.logs()
        for job, saved in trainings(node).items():
            if faults and job not in hit and (saved or faults == ["crash"]):
                hit.add(job)
                gpus += node.command("scontrol", "show", "job", job)
                fault = faults.pop(0)
                if fault == "cancel":
                    node.command("scancel", job)
                elif fault == "requeue":
                    node.command("scontrol", "requeue", job)
                else:
                    node.crash()
                    time.sleep(2)
                    node.start("slurmd", "-D")
        time.sleep(0.2)
    text = log.read_text()
    assert workflow.returncode == 0, text[-3000:] + node.logs()
    assert not faults, f"no job was there to {faults}"
    assert "Trying to restart job" in text, "the cancelled job is submitted again"
    logs = [path.read_text() for path in cluster.glob("logs/**/train.log")]
    assert sum("resumes from epoch" in one for one in logs) >= 2, "both jobs resume where they were"
    assert gpus.count("TresPerJob=gres:gpu:1") == 3, gpus

    reference, alone = local
    assert alone.wait() == 0, (tmp_path / "local.log").read_text()[-3000:]
    ours, expected = results(cluster), results(reference)
    assert ours.keys() == expected.keys() and len(expected) >= 14
    for path, content in expected.items():
        assert ours[path] == content, path
