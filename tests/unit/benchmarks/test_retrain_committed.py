"""What `benchmarks/retrain_committed.py` makes of committed runs and of those trained again."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from benchmarks import retrain_committed
from benchmarks.retrain_committed import Run

from rotograd_replication.config import equal_code
from tests.helpers.paths import ROOT

WAS, NOW = "a" * 16, "b" * 16


def record(**changes):
    return {
        "experiment": "toy_convex",
        "method": "rotograd",
        "seed": 0,
        "code": WAS,
        "model": "c" * 64,
        "device": "CPU, one",
        "threads": 1,
        "versions": {"torch": "2.13.0"},
        "data": {"prepared": {"train": "d" * 64, "val": "e" * 64}},
    } | changes


@pytest.mark.parametrize(
    "again, outcome",
    [
        ({}, "same"),
        ({"device": "CPU, another"}, "same"),
        ({"model": "f" * 64}, "different"),
        (
            {"model": "f" * 64, "device": "CPU, another", "versions": {"torch": "3"}},
            "different, which says nothing: other device, versions",
        ),
        (
            {"model": "f" * 64, "data": {"prepared": {"train": "0" * 64, "val": "e" * 64}}},
            "different, which says nothing: other prepared data",
        ),
    ],
)
def test_outcome(again, outcome):
    """A committed record also names the test split, which no training has read."""
    sums = {"prepared": {"train": "d" * 64, "val": "e" * 64, "test": "9" * 64}}
    assert Run(record(data=sums), record(code=NOW, **again)).outcome == outcome


def test_the_entry_is_one_of_the_ledger():
    runs = [Run(record(method=m), record(method=m, code=NOW)) for m in ("vanilla", "rotograd")]
    runs.append(Run(record(code=NOW), record(code=NOW)))
    (entry,) = retrain_committed.entries("lite", runs)
    assert entry["methods"] == ["rotograd", "vanilla"]
    for part in ("lite: toy_convex/vanilla/seed0", "CPU, one", "torch 2.13.0"):
        assert part in entry["evidence"]
    ledger = equal_code.Ledger.model_validate({"equal_code": [entry]})
    assert equal_code.TrainingCode(NOW, ledger.equal_code).trained(WAS, "vanilla")


def test_runs_of_another_configuration_are_told_apart(tmp_path, monkeypatch):
    for name in ("toy_convex", "toy_nonconvex"):
        for method in ("rotograd", "vanilla"):
            place = f"results/lite/{name}/{method}/seed0"
            shutil.copytree(ROOT / place, tmp_path / place)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    changed = tmp_path / "results/lite/toy_nonconvex/vanilla/seed0/metrics.json"
    changed.write_text(json.dumps(json.loads(changed.read_text()) | {"configuration": "0" * 16}))
    gone = tmp_path / "results/lite/toy_convex/vanilla/seed0/metrics.json"
    gone.write_text(json.dumps(json.loads(gone.read_text()) | {"method": "gone"}))
    monkeypatch.setattr(retrain_committed, "ROOT", tmp_path)
    every = dict.fromkeys(("experiment", "method", "seed"))
    present, other = retrain_committed.committed("lite", every)
    assert [str(p) for p in present] == [
        f"results/lite/{name}/rotograd/seed0" for name in ("toy_convex", "toy_nonconvex")
    ]
    assert [str(p) for p in other] == [
        f"results/lite/{name}/vanilla/seed0" for name in ("toy_convex", "toy_nonconvex")
    ]
    present, other = retrain_committed.committed("lite", every | {"experiment": "toy_convex"})
    assert len(present) == len(other) == 1
    assert retrain_committed.committed("lite", every | {"seed": 1}) == ([], [])


def test_what_is_asked_of_snakemake_has_a_rule(tmp_path, monkeypatch):
    """A plan alone: the runs are due in an empty folder, and no record comes back."""
    run = subprocess.run
    plans = []

    def plan(command, cwd, **_):
        plans.append(run([*command, "-n"], cwd=cwd, capture_output=True, text=True, check=True))

    monkeypatch.setattr(retrain_committed.subprocess, "run", plan)
    folder = Path("results/lite/toy_convex/vanilla/seed0")
    with pytest.raises(FileNotFoundError):
        retrain_committed.retrain("lite", [folder], tmp_path)
    assert "train_toy_convex" in plans[0].stdout + plans[0].stderr
