"""A run killed at any instant and gone on with is the run that was never killed, byte for byte."""

import ast
import contextlib
import errno
import logging
import os
import random
import resource
import signal
import time

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

from rotograd_replication.config import load
from rotograd_replication.config.settings import run_settings
from rotograd_replication.files.atomic import atomic, read_json
from rotograd_replication.models import network
from rotograd_replication.runtime import preemption, rng
from rotograd_replication.tasks.group import Tasks
from rotograd_replication.training import checkpoint, lock, train, trainer
from rotograd_replication.training.checkpoint import Checkpoints, Saving, State
from tests.helpers.paths import CONFIGS, ROOT
from tests.helpers.prepared_noise import small

EVERY_METHOD = [
    "vanilla",
    "rotograd",
    "graddrop",
    "gradnorm",
    "pcgrad",
    "single_task",
    "rotograd_random_start",
]


@pytest.fixture(scope="module")
def study():
    return load.load_study(CONFIGS, "quick")


class Killed(Exception):
    """Stands for SIGKILL: whatever is not on the disk is gone."""


class Steps:
    """Requests that end the process after so many looks at them."""

    def __init__(self, after):
        self.after = after

    @property
    def requested(self):
        self.after -= 1
        return "SIGTERM" if self.after < 0 else None


def run(study, splits, folder, method="rotograd", saving=None, settings=None, **identity):
    settings = settings or small(study, "digits", method)
    outputs = train.Outputs(*(folder / n for n in ("model.safetensors", "history.csv", "run.json")))
    identity = {"study": "quick", "method": method, "seed": 0, "code": "0", **identity}
    tasks, device = study.datasets["mnist_standin"].tasks, torch.device("cpu")
    paths = (splits / "train.safetensors", splits / "val.safetensors")
    train.run(settings, identity, tasks, *paths, device, outputs, saving)
    history = pd.read_csv(outputs.history, dtype=str).drop(columns="seconds").to_csv()
    record = read_json(outputs.record)
    times = {"seconds", "peak_memory_mb"}
    return {k: v for k, v in record.items() if k not in times}, history, outputs.model.read_bytes()


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_killed_at_random_batches_is_never_killed(study, splits, tmp_path, monkeypatch, method):
    """Between any two steps, at every interval of saving; the last saved state may be long ago."""
    settings = small(study, "digits", method)
    settings["training"] |= {"normalize_losses": True, "diagnostics_every": 2}
    whole = run(study, splits, tmp_path / "whole", method, settings=settings)
    step, chance = trainer.task_step, random.Random(method)
    for kill in range(4):
        left = chance.randrange(4)

        def deadly(*arguments):
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return step(*arguments)

        monkeypatch.setattr(trainer, "task_step", deadly)
        saving = Saving(tmp_path / "saved", every=chance.choice([0, 0, 0.02]))
        with contextlib.suppress(Killed):
            run(study, splits, tmp_path / "killed", method, saving, settings)
        torch.manual_seed(kill)  # what another process would find
    monkeypatch.setattr(trainer, "task_step", step)
    saving = Saving(tmp_path / "saved", every=0)
    killed = run(study, splits, tmp_path / "killed", method, saving, settings)
    assert killed == whole


def test_the_seconds_of_an_epoch_are_without_its_checkpoints(study, splits, tmp_path, monkeypatch):
    """Their size depends on the method, and hours are compared between methods."""
    write = Checkpoints._write
    late = 0

    def slow(*arguments):
        nonlocal late
        late += 1000
        write(*arguments)

    clock = time.perf_counter
    monkeypatch.setattr(Checkpoints, "_write", slow)
    monkeypatch.setattr(trainer.time, "perf_counter", lambda: clock() + late)
    run(study, splits, tmp_path / "run", saving=Saving(tmp_path / "saved", every=0))
    seconds = pd.read_csv(tmp_path / "run" / "history.csv")["seconds"].iloc[-1]
    assert late > 1000 and 0 < seconds < 1000


@pytest.mark.parametrize("method", ["rotograd", "single_task"])
def test_a_request_to_end_is_met_after_the_batch(study, splits, tmp_path, method):
    whole = run(study, splits, tmp_path / "whole", method)
    ends = 0
    while True:
        saving = Saving(tmp_path / "saved", 1e9, Steps(ends % 4 * 2))
        try:
            ended = run(study, splits, tmp_path / "ended", method, saving)
            break
        except preemption.Preempted as notice:
            assert "the same command resumes" in str(notice)
            assert not (tmp_path / "ended").exists()
            ends += 1
    assert ends >= 2
    assert ended == whole


def test_augmented_batches_go_on_alike(study, splits, tmp_path):
    settings = small(study, "digits", "vanilla")
    settings["training"]["augmentation"] = ["flip", "crop"]
    whole = run(study, splits, tmp_path / "whole", settings=settings)
    for after in (1, 0, 2):
        with pytest.raises(preemption.Preempted):
            saving = Saving(tmp_path / "saved", 1e9, Steps(after))
            run(study, splits, tmp_path / "ended", saving=saving, settings=settings)
    saving = Saving(tmp_path / "saved", 1e9)
    assert run(study, splits, tmp_path / "ended", saving=saving, settings=settings) == whole


def test_every_generator_goes_on(study):
    settings = run_settings(study, "digits", "graddrop")
    net = network.build(settings, Tasks(study.datasets["mnist_standin"].tasks), 0)
    order, device = rng.generator(0, 0), torch.device("cpu")

    def draw():
        own = (
            torch.rand(2, generator=order).tolist()
            + torch.rand(2, generator=net.method.generator).tolist()
        )
        return [*own, torch.rand(()).item(), np.random.normal()]

    draw()
    saved = rng.states(net, order, device)
    first = draw()
    draw()
    rng.restore(net, order, device, saved)
    assert draw() == first


def saved(study, splits, folder, after, **identity):
    """Leave a run's checkpoints after so many batches."""
    with pytest.raises(preemption.Preempted):
        run(study, splits, folder, saving=Saving(folder / "saved", 0, Steps(after)), **identity)
    return sorted((folder / "saved").rglob("step*.safetensors"))


def test_two_states_are_kept(study, splits, tmp_path):
    assert [path.stem[-1] for path in saved(study, splits, tmp_path, 4)] == ["4", "5"]


@pytest.mark.parametrize("place", [0, 9, 300, -1, "sum", "half", "empty"])
def test_a_damaged_state_is_found_and_the_older_one_taken(study, splits, tmp_path, caplog, place):
    whole = run(study, splits, tmp_path / "whole")
    newest = saved(study, splits, tmp_path, 4)[-1]
    content = bytearray(newest.read_bytes())
    if place == "half":
        content = content[: len(content) // 2]
    elif place == "empty":
        content = b""
    else:
        content[content.index(b'"sha256":"') + 12 if place == "sum" else place] ^= 1
    newest.write_bytes(content)
    with caplog.at_level(logging.INFO):
        assert run(study, splits, tmp_path, saving=Saving(tmp_path / "saved", 1e9)) == whole
    assert "it is damaged" in caplog.text
    assert "resumes from epoch 2, batch 1" in caplog.text


@pytest.mark.parametrize(
    "change, difference",
    [
        ({"code": "1"}, "its `code` is 0, this run's is 1"),
        ({"seed": 1}, "its `seed` is 0, this run's is 1"),
        ({"configuration": "a"}, "its `configuration` is None, this run's is a"),
        ({"versions": {"torch": "3"}}, "its `versions` is None, this run's is {'torch': '3'}"),
    ],
)
def test_a_state_of_another_run_is_set_aside(study, splits, tmp_path, caplog, change, difference):
    saved(study, splits, tmp_path, 3)
    run(study, splits, tmp_path, saving=Saving(tmp_path / "saved", 1e9), **change)
    assert difference in caplog.text
    assert "going on" not in caplog.text
    assert len(list((tmp_path / "saved").rglob("*.refused"))) == 2


def test_other_data_are_named(study, splits, tmp_path, caplog):
    saved(study, splits, tmp_path, 3)
    for split in ("train", "val"):
        path = splits / f"{split}.safetensors"
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "train.safetensors").write_bytes((splits / "val.safetensors").read_bytes())
    settings = small(study, "digits", "rotograd")
    settings["training"]["training_samples"] = 16
    run(study, tmp_path, tmp_path, saving=Saving(tmp_path / "saved", 1e9), settings=settings)
    assert "its `data` is" in caplog.text and "its `settings` is" in caplog.text


def test_another_device_is_gone_on_with_and_recorded(study, splits, tmp_path):
    saved(study, splits, tmp_path, 3, device="one GPU")
    saving = Saving(tmp_path / "saved", 1e9)
    record, _, _ = run(study, splits, tmp_path, saving=saving, device="another GPU")
    assert record["device"] == "one GPU and another GPU"


def test_one_process_trains_a_run(tmp_path):
    saving = Saving(tmp_path / "saved", 0)
    with lock.exclusive(saving):
        held = pytest.raises(OSError, match=f"held by another .process {os.getpid()} on ")
        with held, lock.exclusive(saving):
            pass
    with lock.exclusive(saving):
        pass


def test_a_share_without_locks_is_no_failure(tmp_path, monkeypatch, caplog):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    monkeypatch.setattr("rotograd_replication.files.safety._warned", set())
    for _ in range(2):
        with lock.exclusive(Saving(tmp_path / "saved", 0)):
            pass
    assert caplog.text.count("has no flock") == 1 and "one workflow at a time" in caplog.text


def test_a_full_disk_is_one_message_whoever_writes(tmp_path):
    """The limit on a file's size stands for the end of the disk, which safetensors reports its way."""
    path = tmp_path / "model.safetensors"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        for write in (
            lambda to: safetensors.torch.save_file({"x": torch.zeros(1000)}, to),
            lambda to: to.write_text("x" * 4000),
        ):
            with pytest.raises(OSError, match=r"model.safetensors` must have room"):  # noqa: SIM117
                with atomic(path) as temporary:
                    write(temporary)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_last_state(tmp_path, monkeypatch):
    saved = Checkpoints(Saving(tmp_path, 0), "network", {}, "cpu")
    saved.save(1, State({"x": torch.ones(3)}, {}))

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            saved.save(2, State({"x": torch.zeros(3)}, {}))
    assert [p.name for p in (tmp_path / "network").iterdir()] == ["step000000000001.safetensors"]
    assert saved.load().tensors["x"].tolist() == [1, 1, 1]


def test_checkpoints_are_discarded_and_evidence_stays(tmp_path):
    state = State({"x": torch.ones(3)}, {})
    for name in ("well", "badly"):
        saved = Checkpoints(Saving(tmp_path / name, 0), "network", {}, "cpu")
        saved.save(1, state)
    saved.keep(checkpoint.EVIDENCE, state)
    checkpoint.discard([tmp_path / "well", tmp_path / "badly"])
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["diverged.safetensors"]
    assert saved.load() is None


def test_signals_are_noted_and_a_second_interrupt_obeyed():
    before = signal.getsignal(signal.SIGTERM)
    with preemption.catch_signals() as requests:
        assert requests.requested is None
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGTERM)
        assert requests.requested == "SIGUSR1"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


def test_no_pickle_is_ever_loaded():
    """No module that could execute what it reads is so much as imported."""
    forbidden = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
    calls = {("torch", "load"), ("np", "load"), ("numpy", "load"), ("pd", "read_pickle")}
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not forbidden & {a.name.split(".")[0] for a in node.names}, path
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert (node.module or "").split(".")[0] not in forbidden, path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in calls, path
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, path
