"""A run is the same alone or beside others, on every repetition; evaluation rebuilds it."""

import io
import re
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from rotograd_replication.config import load
from rotograd_replication.data.loader import Loader
from rotograd_replication.files.atomic import read_json, write_json
from rotograd_replication.runtime.device import select_device
from rotograd_replication.tasks.group import Tasks
from rotograd_replication.training import evaluate, train
from rotograd_replication.training.trainer import Trainer
from tests.helpers.paths import CONFIGS
from tests.helpers.prepared_noise import small

METHODS = ["vanilla", "rotograd", "graddrop", "pcgrad", "single_task"]


@pytest.fixture(scope="module")
def study():
    return load.load_study(CONFIGS, "quick")


def run(study, splits, folder, method, seed, epochs=2, settings=None):
    settings = settings or small(study, "digits", method, epochs)
    tasks, device = study.datasets["mnist_standin"].tasks, torch.device("cpu")
    outputs = train.Outputs(*(folder / n for n in ("model.safetensors", "history.csv", "run.json")))
    identity = {"study": "quick", "experiment": "digits", "method": method, "seed": seed}
    paths = (splits / "train.safetensors", splits / "val.safetensors")
    train.run(settings, identity, tasks, *paths, device, outputs)
    test = splits / "test.safetensors"
    out = folder / "metrics.json"
    evaluate.run(tasks, outputs.model, outputs.record, test, device, out)
    history = pd.read_csv(outputs.history)
    return read_json(out), history, outputs.model.read_bytes()


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_numbers_whatever_ran_before(study, splits, tmp_path, method):
    first = run(study, splits, tmp_path / "a", method, 1)
    run(study, splits, tmp_path / "other", "rotograd", 0, epochs=1)
    torch.manual_seed(123)
    second = run(study, splits, tmp_path / "b", method, 1)
    assert first[0]["metrics"] == second[0]["metrics"]
    pd.testing.assert_frame_equal(
        first[1].drop(columns="seconds"), second[1].drop(columns="seconds"), check_exact=True
    )
    assert first[2] == second[2]
    other = run(study, splits, tmp_path / "c", method, 2)
    assert first[0]["metrics"] != other[0]["metrics"]


def test_history_and_record_say_what_the_issue_asks(study, splits, tmp_path):
    metrics, history, _ = run(study, splits, tmp_path, "rotograd", 0)
    assert list(history.epoch) == [0, 1, 2]
    tasks = ["left", "right", "sum", "parity", "active"]
    for name in (
        "train_loss", "val_loss", "gradient_norm", "alpha", "update_cosine_before",
        "update_cosine_after", "rotation_distance",
    ):  # fmt: skip
        assert history.loc[1:, [f"{name}/{t}" for t in tasks]].notna().all(axis=None), name
    assert history["cosine/left/right"].iloc[1:].between(-1, 1).all()
    assert history["val_accuracy/left"].between(0, 1).all()
    assert (
        history["rotation_distance/left"].iloc[0] == 0 < history["rotation_distance/left"].iloc[-1]
    )
    np.testing.assert_allclose(
        history.loc[1:, [f"alpha/{t}" for t in tasks]].sum(axis=1), 1, rtol=1e-5
    )
    for key in ("settings", "data", "seconds", "peak_memory_mb", "best_epoch", "seed"):
        assert key in metrics
    assert metrics["data"]["samples"] == {"train": 48, "val": 32, "test": 32}


class Watched(dict):
    """A mapping that notes which of its keys are looked up, by their path."""

    def __init__(self, content, seen, path=""):
        super().__init__(
            {
                key: Watched(value, seen, f"{path}{key}.") if isinstance(value, dict) else value
                for key, value in content.items()
            }
        )
        self.seen, self.path = seen, path

    def __iter__(self):  # so that unpacking with ** looks keys up
        return super().__iter__()

    def __getitem__(self, key):
        self.seen.add(self.path + key)
        return super().__getitem__(key)

    def get(self, key, default=None):
        self.seen.add(self.path + key)
        return super().get(key, default)

    def __or__(self, other):
        return type(self)(dict(self.items()) | other, self.seen, self.path)

    def unread(self):
        for key, value in self.items():
            if isinstance(value, Watched):
                yield from value.unread()
            elif self.path + key not in self.seen:
                yield self.path + key


ROTATION = {f"training.rotation.{key}" for key in ("name", "learning_rate", "decay", "drops")}


@pytest.mark.parametrize(
    "experiment, method, unused",
    [
        ("digits", "rotograd", set()),
        ("digits", "gradnorm", ROTATION),  # its weights have an optimiser of their own
        ("digits", "pcgrad", ROTATION),  # it has no parameters of its own
        ("stability", "rotograd_lr_1e-4", ROTATION),  # the variant's own optimiser stands in
    ],
)
def test_every_setting_of_a_run_is_read(study, splits, tmp_path, experiment, method, unused):
    """A key that is part of the digest, yet no training looks up, would be a dead option."""
    watched = Watched(small(study, experiment, method), set())
    run(study, splits, tmp_path, method, 0, settings=watched)
    unread = {key for key in watched.unread() if not key.startswith("data.")}  # prepare reads it
    refused = {"method.inner.rotation", "method.inner.separate"}  # schema.Method
    assert unread - refused <= unused


def test_best_validation_epoch_is_kept(study, splits, tmp_path):
    metrics, history, _ = run(study, splits, tmp_path, "vanilla", 0, epochs=6)
    trained = history.iloc[1:]
    error = trained[[c for c in trained if c.startswith("val_loss/")]].sum(axis=1)
    assert metrics["best_epoch"] == int(trained.epoch[error.idxmin()])


def test_the_best_epoch_by_relative_improvement_weighs_tasks_alike(study, splits):
    """A task with large losses decides the sum; relative improvements count alike."""
    settings = small(study, "digits", "vanilla", 1)
    settings["training"]["selection"] = "relative_improvement"
    tasks = Tasks(study.datasets["mnist_standin"].tasks)
    loader = Loader(splits / "train.safetensors", torch.device("cpu"), 8)
    columns = list(range(5))
    one = Trainer(settings, tasks, columns, 0, loader, loader, torch.device("cpu"))
    first, half, tenth = (
        {f"val_loss/{name}": x for name, x in zip(tasks.names, losses, strict=True)}
        for losses in ([2, 2, 80, 1, 1], [1, 1, 80, 0.5, 0.5], [2, 2, 72, 1, 1])
    )
    one.rows = [first]
    assert one._validation_error(half) == pytest.approx(-0.4)
    assert one._validation_error(tenth) == pytest.approx(-0.02)
    one.settings = one.settings | {"selection": "loss_sum"}
    assert one._validation_error(half) == 83 > one._validation_error(tenth) == 78


def test_losses_are_taken_again_at_the_reference_step(study, splits):
    settings = small(study, "digits", "vanilla", 1)
    settings["training"] |= {"normalize_losses": True, "loss_reference_step": 2}
    tasks = Tasks(study.datasets["mnist_standin"].tasks)
    loader = Loader(splits / "train.safetensors", torch.device("cpu"), 8)
    one = Trainer(settings, tasks, list(range(5)), 0, loader, loader, torch.device("cpu"))
    seen, before = [], None
    for x, y in list(loader.in_order())[:4]:
        with torch.no_grad():
            losses = tasks.losses(one.net(x), y).abs()
        one._step(x, y)
        seen.append(torch.equal(one.initial_losses, losses))
        before = one.initial_losses if before is None else before
    assert seen == [True, False, True, False]
    assert not torch.equal(before, one.initial_losses)


def test_single_task_networks_are_one_per_task(study, splits, tmp_path):
    metrics, history, _ = run(study, splits, tmp_path, "single_task", 0)
    assert set(metrics["metrics"]) == {"left", "right", "sum", "parity", "active"}
    assert len(metrics["best_epoch"]) == 5
    assert not [c for c in history if c.startswith("cosine/")]


def test_evaluation_refuses_another_dataset(study, splits, tmp_path):
    run(study, splits, tmp_path, "vanilla", 0)
    record = read_json(tmp_path / "run.json")
    record["data"]["archives"] = {"a": "1"}
    write_json(tmp_path / "run.json", record)
    tasks = study.datasets["mnist_standin"].tasks
    arguments = (tmp_path / "model.safetensors", tmp_path / "run.json", splits / "test.safetensors")
    with pytest.raises(ValueError, match="Rerun the training"):
        evaluate.run(tasks, *arguments, torch.device("cpu"), tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="Found none. Use `--config device=cpu`"):
        select_device("cuda")


def test_training_never_reads_the_test_split():
    """Only `evaluate` takes a test split: no training argument can carry one."""
    import argparse

    from rotograd_replication.cli import train as verb

    parser = argparse.ArgumentParser()
    verb.arguments(parser)
    taken = {action.dest for action in parser._actions}
    assert {"train", "val"} <= taken and "test" not in taken


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_epochs_are_shown_on_a_terminal_alone(study, splits, tmp_path, monkeypatch, stream):
    monkeypatch.setattr("sys.stderr", stream())
    run(study, splits, tmp_path, "vanilla", 3)
    shown = re.search(r"(\S+): 100%.* 2/2 ", sys.stderr.getvalue())
    assert bool(shown) is (stream is Terminal)
    if shown:
        assert shown[1].endswith("vanilla/3/network")
