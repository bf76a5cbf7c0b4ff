"""The authors' package, trained by our trainer, starts as ours does and, set as ours, trains alike."""

import contenders
import official_training
import pandas as pd
import pytest
import small_runs
import torch

from rotograd_replication.config import load as config
from rotograd_replication.config.settings import run_settings
from rotograd_replication.files.atomic import read_json
from rotograd_replication.models import network
from rotograd_replication.tasks.group import Tasks
from rotograd_replication.training import optimizers
from rotograd_replication.training.step import task_step
from tests.helpers.paths import CONFIGS, ROOT

CPU = torch.device("cpu")
B, M, SEED = 16, 6, 3


def settings_of(experiment):
    """Lite's RotoGrad with few rotated features, for the test's speed."""
    study = config.load_study(CONFIGS, "lite")
    settings = run_settings(study, experiment, "rotograd")
    settings["method"]["parameters"]["m"] = M
    return settings, study.datasets[settings["dataset"]]


def official(settings, data, ours):
    return official_training.Official(settings, data, SEED, ours)


@pytest.mark.parametrize("experiment", official_training.EXPERIMENTS)
def test_set_as_ours_it_trains_as_ours(experiment):
    settings, data = settings_of(experiment)
    tasks = Tasks(data.tasks)
    net, theirs = network.build(settings, tasks, SEED), official(settings, data, ours=True)
    torch.manual_seed(0)
    x, y = contenders.batch_of(data, B, CPU)
    # In float64, so that the bounds hold on every processor.
    net, theirs, x, y = net.double(), theirs.double(), x.double(), y.double()
    for mine, other in zip(net(x), theirs(x), strict=True):
        torch.testing.assert_close(other, mine, atol=1e-6, rtol=1e-5)
    ours, official_ = (optimizers.Optimizers(one, settings) for one in (net, theirs))
    for i in range(8):  # RAdam adapts from the sixth step on
        for one in (ours, official_):
            one.zero_grad()
        taken, _ = task_step(net, tasks, x, y, torch.ones(len(tasks)))
        losses = theirs.step(x, y)
        torch.testing.assert_close(losses, taken.losses, atol=1e-4, rtol=1e-2)
        if i == 0:
            close(gradients(theirs.backbone), gradients(net.backbone))
            close([torch.stack(gradients(theirs.model))], gradients(net.method))
        ours.step()
        official_.step()
    rotations = torch.stack(list(theirs.model.rotation))
    moved = (rotations - torch.eye(M)).abs().amax().item()
    assert moved > 1e-5
    torch.testing.assert_close(rotations, net.method.rotations(), atol=0.1 * moved, rtol=0)


def gradients(module):
    return [parameter.grad for parameter in module.parameters()]


def close(theirs, ours):
    for one, other in zip(theirs, ours, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-3)


def test_as_it_ships_it_starts_at_random_and_burns_in():
    settings, data = settings_of("digits")
    net = official(settings, data, ours=False)
    rotations = torch.stack(list(net.model.rotation))
    assert (rotations - torch.eye(M)).abs().amax((1, 2)).min() > 0.1
    assert net.model.burn_in_period == 20 and "eps" not in net.method.eps
    assert official(settings, data, ours=True).model.burn_in_period == 0
    again = torch.stack(list(official(settings, data, ours=False).model.rotation))
    assert torch.equal(again, rotations)


@pytest.mark.parametrize("contender", ["ours", *official_training.CONTENDERS])
def test_a_run_is_trained_and_measured(tmp_path, contender):
    study = config.load_study(CONFIGS, "quick")
    run = small_runs.Run(study, tmp_path, "digits", "rotograd")
    data = study.datasets["mnist_standin"]
    found = official_training.trained(contender, run.settings, data, 0, run.splits)
    assert found["diverged"] is None and 1 <= found["best_epoch"] <= 3
    assert set(found["val"]) == set(found["test"]) == {task.name for task in data.tasks}


MADE_UP = {"best_epoch": 1, "data": "CIFAR-10, a copy", "device": "CPU, made up"}


def made_up(value):
    tasks = {f"task{k}": {"f1": value + k, "loss": value} for k in range(6)}
    return MADE_UP | {"diverged": None, "val": tasks, "test": tasks}


def test_differences_are_of_one_seed(tmp_path):
    runs = {("cifar10", "ours", seed): made_up(seed) for seed in range(3)}
    runs |= {("cifar10", "official", seed): made_up(seed + 0.5) for seed in range(2)}
    runs["cifar10", "official", 2] = MADE_UP | {"diverged": {"what": "nan"}}
    shown = official_training.table(official_training.tidy(runs)).set_index("quantity")
    assert shown.loc["validation loss", "theirs - ours"] == "+3"
    assert shown.loc["mean f1", "theirs - ours"] == "+0.5"
    assert shown.loc["mean f1", "95 %"] == "+0.5 to +0.5" and shown.loc["mean f1", "seeds"] == "2"
    runs["digits", "ours", 0] = made_up(0)
    settings = official_training.all_settings(config.load_study(CONFIGS, "lite"), epochs=1)
    official_training.draw(tmp_path, runs, settings, {"versions": {"torch": "2"}, "device": "one"})
    text = (tmp_path / "official.md").read_text()
    assert "Diverged and left out: cifar10/official, seed 2." in text
    assert "Not trained yet: digits." in text and "Epochs: cifar10 1;" in text
    assert "CPU, made up; torch 2." in text
    assert len(pd.read_csv(tmp_path / "official.csv")) == 5 * 2 * 6 * 2


def test_missing_data_are_named(tmp_path):
    data = config.load_study(CONFIGS, "lite").datasets["mnist"]
    with pytest.raises(FileNotFoundError, match=r"`mnist` must be prepared in .* Run `snakemake"):
        official_training.splits(tmp_path, "mnist", data)


def test_our_committed_run_is_read(monkeypatch):
    code = official_training.equal_code.TrainingCode("unknown")
    assert official_training.committed("digits", 0, code) is None
    monkeypatch.setattr(code.__class__, "trained", lambda *given: True)
    found = official_training.committed("digits", 0, code)
    assert found is not None, "its configuration is the present one"
    assert set(found["val"]["left"]) == set(found["test"]["left"]) == {"accuracy", "loss"}


def test_both_train_with_the_rate_that_our_committed_runs_have():
    """Else the package, at another rate, would be held against a tuned method."""
    found = official_training.all_settings(config.load_study(CONFIGS, "lite"))
    for experiment, settings in found.items():
        folder = ROOT / "results" / "lite" / experiment / "rotograd"
        record = read_json(folder / "seed0" / "metrics.json")
        untuned = record["settings"]["training"]["rotation"]["learning_rate"]
        said = record.get("tuned", {}).get("rotation.learning_rate", str(untuned))
        assert official_training.rate(settings) == float(said.split()[0])
