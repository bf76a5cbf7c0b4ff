"""The command for a GPU records what fails, goes on, resumes, and stops in time: shown on a CPU."""

import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import gpu_checks
import gpu_measures
import gpu_rows
import gpu_summary
import gpu_training
import on_gpu
import pytest
import small_runs
import step_time
import torch

from rotograd_replication.config import load as config
from rotograd_replication.runtime import provenance
from tests.helpers.paths import CONFIGS, ROOT

CPU = torch.device("cpu")
QUICK = config.load_study(CONFIGS, "quick")


@pytest.fixture
def rows(tmp_path):
    return gpu_rows.Rows(tmp_path / "rows.jsonl", "one")


def test_an_item_that_fails_is_a_row_and_the_rest_goes_on(rows):
    def broken():
        raise RuntimeError("no kernel\nmore")

    calls = []
    items = [("a", broken), ("b", lambda: calls.append("b") or {"ok": True})]
    gpu_rows.work("checks", items, rows, time.time() + 60)
    gpu_rows.work("checks", [*items, ("c", lambda: {"ok": False})], rows, time.time() + 60)
    found = rows.results("checks")
    assert found["a"]["failed"] == "RuntimeError: no kernel"
    assert found["b"]["ok"] and not found["c"]["ok"] and calls == ["b"]
    gpu_rows.work("checks", [("d", dict)], rows, time.time() - 1)
    assert "d" not in rows.results("checks")
    assert not gpu_rows.Rows(rows.file, "another").read()


# A phase's process without torch: an item hangs, one ends the process, one spoils it for the next.
FAKE = """
import json, os, sys, time
rows = sys.argv[sys.argv.index("--rows") + 1]
lines = [json.loads(x) for x in open(rows)] if os.path.exists(rows) else []
done = {x["item"] for x in lines if "begun" not in x}
def add(item, **facts):
    with open(rows, "a") as file:
        row = {"phase": "fake", "item": item, "device": "one", "time": time.time()} | facts
        file.write(json.dumps(row) + chr(10))
for item in ("hangs", "dies", "spoils", "works"):
    if item not in done:
        add(item, begun=True)
        time.sleep(60 if item == "hangs" else 0)
        if item == "dies":
            os._exit(3)
        add(item, ok=True)
        if item == "spoils":
            os._exit(1)
"""


def fake_phase(tmp_path, monkeypatch, rows, seconds, requested=None):
    (tmp_path / "gpu_fake.py").write_text(FAKE)
    monkeypatch.setattr(on_gpu, "__file__", str(tmp_path / "on_gpu.py"))
    arguments = SimpleNamespace(scratch=tmp_path, device="cpu", threads=1)
    requests = SimpleNamespace(requested=requested)
    on_gpu.phase("fake", rows, arguments, time.time() + seconds, requests)
    return rows.results("fake")


def test_a_process_that_hangs_or_dies_costs_one_item(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(on_gpu, "PATIENCE", 1.0)
    found = fake_phase(tmp_path, monkeypatch, rows, 50)
    assert found["hangs"]["failed"] == "did not end in 1 s"
    assert found["dies"]["failed"] == "its process ended with 3: see log.txt"
    assert found["spoils"]["ok"] and found["works"]["ok"] and "all" not in found


def test_a_process_that_cannot_start_is_said_once(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(sys.modules[__name__], "FAKE", "raise ImportError")
    (row,) = fake_phase(tmp_path, monkeypatch, rows, 50).items()
    assert row[0] == "all" and "ended with 1" in row[1]["failed"]
    assert "ImportError" in (tmp_path / "log.txt").read_text()


def test_an_item_stopped_by_the_time_is_left_for_another_time(tmp_path, monkeypatch, rows):
    assert fake_phase(tmp_path, monkeypatch, rows, 1) == {}
    assert rows.open_item("fake")["item"] == "hangs"


def test_what_comes_home_comes_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(on_gpu, "ARCHIVE", 100)
    files = []
    for i, size in enumerate((60, 30, 30, 200, 10)):
        files.append(tmp_path / str(i))
        files[-1].write_bytes(bytes(size))
    assert on_gpu.groups(files) == [files[:2], files[2:3], files[3:4], files[4:]]
    assert on_gpu.groups([]) == []


@pytest.mark.parametrize(
    "experiment, method", [("digits", "rotograd"), ("cifar10", "pcgrad"), ("nyuv2", "graddrop")]
)
def test_a_step_is_compared_with_the_cpu(monkeypatch, experiment, method):
    found = gpu_checks.agrees(QUICK, experiment, method, CPU)
    assert found["ok"] and set(gpu_checks.BOUNDS) <= set(found)
    right = gpu_checks.gradients

    def wrong(study, name, of, device):
        parts = right(study, name, of, CPU)
        if device.type == "meta":  # in a GPU's place: one part is off
            parts["update"] = [1.01 * one for one in parts["update"]]
        return parts

    monkeypatch.setattr(gpu_checks, "gradients", wrong)
    found = gpu_checks.agrees(QUICK, experiment, method, torch.device("meta"))
    assert not found["ok"] and found["update"] == pytest.approx(0.01, rel=1e-3)


def test_runs_that_differ_are_seen(tmp_path, monkeypatch):
    given = ("digits", "rotograd", CPU, tmp_path)
    assert gpu_checks.same_seed(*given)["ok"] and gpu_checks.killed(*given)["ok"]
    monkeypatch.setattr(small_runs, "result", lambda folder: object())
    assert not gpu_checks.same_seed(*given)["ok"]


def test_a_wait_is_made_an_error_on_cuda_alone(tmp_path, monkeypatch):
    modes = []
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)
    with pytest.raises(RuntimeError), gpu_checks.no_waiting(torch.device("cuda")):
        raise RuntimeError
    with gpu_checks.no_waiting(CPU):
        pass
    assert modes == ["error", "default"]
    assert "ok" not in gpu_checks.waits("digits", "rotograd", CPU, tmp_path)


def test_a_step_is_timed_and_counted(monkeypatch):
    monkeypatch.setattr(gpu_measures, "PAIRS", 2)
    monkeypatch.setattr(gpu_measures, "LIMIT", 600)
    found = gpu_measures.step("digits", "rotograd", CPU)
    vanilla = gpu_measures.base("digits", "vanilla", CPU)
    assert found["batch"] == 1024 and found["m"] == 50 and found["pairs"] == 2
    assert found["images_per_s"] == pytest.approx(1024 / found["step_seconds"])
    counts = gpu_measures.counted(vanilla)
    assert 0 < counts["gflop"] < found["gflop"] and 0 < counts["gbyte"] < found["gbyte"]
    assert gpu_measures.build("digits", "vanilla", CPU, "bf16").batch == 1024


def test_every_contender_of_every_workload_is_measured():
    names = [name for name, _ in gpu_measures.items(SimpleNamespace(threads=8), CPU)]
    for workload in step_time.WORKLOADS:
        assert {f"{workload}/{name}" for name in step_time.names(workload)} <= set(names)
        for variant in gpu_measures.VARIANTS:
            assert f"{workload}/vanilla/{variant}" in names


def training(tmp_path, rows, study="quick"):
    given = (config.load_study(CONFIGS, study), study, "cpu", 4, tmp_path, tmp_path / "none")
    return gpu_training.Training(*given, None, rows)


def test_the_most_value_per_minute_comes_first(tmp_path, rows):
    one = training(tmp_path, rows, "paper")
    for name, seconds in {"digits/vanilla": 0.002, "cifar10/vanilla": 0.01}.items():
        rows.add("measures", name, step_seconds=seconds)
    rows.add("measures", "digits/graddrop", step_seconds=2.0)
    runs = one.runs(["cifar10", "digits"])
    assert len(runs) == 7 * 5 + 10 * 10  # of 14 and 12 methods, 7 and 2 wait for tuning
    assert runs[0].name == "digits/vanilla/seed0" and runs[-1].name == "digits/graddrop/seed9"
    assert one.seconds(gpu_training.Run("cifar10", "vanilla", 0)) == pytest.approx(
        20 + 35200 * 0.01
    )
    ten = one.seconds(gpu_training.Run("cifar10", "single_task", 0))
    assert ten == pytest.approx(20 + 352000 * 0.01)


def test_as_many_at_once_as_was_measured_best(tmp_path, rows):
    one = training(tmp_path, rows)
    assert one.together() == (1, 1.0)
    for count, rate in {1: 100.0, 2: 190.0, 4: 300.0, 8: 280.0}.items():
        rows.add("measures", f"packed/digits/{count}", processes=count, images_per_s=rate)
    assert one.together() == (4, pytest.approx(4 / 3))


def test_data_that_cannot_be_had_cost_their_experiment_alone(tmp_path, rows):
    one = training(tmp_path, rows, "paper")
    (tmp_path / "none" / "mnist" / "one").mkdir(parents=True)
    (tmp_path / "none" / "mnist" / "one" / "train.safetensors").touch()
    assert one.with_data(lambda: True) == ["digits"]
    assert "must be prepared" in rows.results("training")["cifar10"]["failed"]


def test_the_summary_gives_the_limit_beside_the_time(rows):
    peaks = {f"{name}_gflop_per_s": 1000.0 for name in ("float32", "tf32", "bf16")}
    rows.add("measures", "peaks", gbyte_per_s=100.0, **peaks)
    row = {"ratio": 1.5, "step_seconds": 0.2, "images_per_s": 640.0, "peak_mb": 100.0}
    rows.add("measures", "cifar10/rotograd", gflop=100.0, gbyte=5.0, **row)
    rows.add("measures", "cifar10/rotograd/compiled", **row)
    rows.add("checks", "seed/digits/rotograd", ok=False)
    rows.add("training", "cifar10", failed="no data")
    facts = {"versions": {"torch": "2.11"}, "git_revision": "abc", "threads": 2}
    text = gpu_summary.summary(rows, facts)
    assert "| cifar10/rotograd | 1.50 | 200 | 100 | 5 | 100 | 50% | 640 | 100 |" in text
    assert "| cifar10/rotograd/compiled | 1.50 | 200 |  |  |  |  | 640 | 100 |" in text
    assert "- checks, seed/digits/rotograd: not equal" in text and "no data" in text
    assert "torch 2.11" in text


@pytest.mark.parametrize("signalled", [False, True])
def test_a_rehearsal_stops_in_time_and_leaves_small_files(tmp_path, signalled):
    out = tmp_path / "out"
    words = [sys.executable, str(ROOT / "benchmarks" / "on_gpu.py"), "--study", "quick"]
    words += ["--device", "cpu", "--threads", "1", "--out", str(out)]
    words += ["--minutes", "30" if signalled else "0.2"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    if signalled:
        rows = tmp_path / "out.scratch" / "rows.jsonl"
        while process.poll() is None and not (rows.exists() and "begun" in rows.read_text()):
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert text == (out / "summary.md").read_text() and text.startswith("Device: CPU")
    assert all(file.stat().st_size < on_gpu.LARGEST for file in out.iterdir())
    lines = [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]
    assert lines[0]["phase"] == "machine" and lines[0]["versions"] == provenance.versions()


def test_what_is_missing_is_said_at_once(tmp_path):
    """Without its wheels the command names them and ends."""
    environment = os.environ | {"PYTHONPATH": ""}
    words = [sys.executable, "-S", str(ROOT / "benchmarks" / "on_gpu.py"), "--minutes", "1"]
    done = subprocess.run(
        [*words, "--out", tmp_path], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1 and "Found none of torch, " in done.stderr
