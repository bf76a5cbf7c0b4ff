"""Tuning trains the grid, compares on validation, and the test split has no part in it."""

import argparse
import importlib

import pandas as pd
import pytest
import torch

from rotograd_replication import cli
from rotograd_replication.config import choice, schema, settings, tuning
from rotograd_replication.config import load as config
from rotograd_replication.config.yaml_files import ConfigurationError
from rotograd_replication.data.loader import Loader
from rotograd_replication.files import sealed
from rotograd_replication.runtime import preemption
from rotograd_replication.tasks.group import Tasks
from rotograd_replication.training import train, tune
from rotograd_replication.training.trainer import Trainer
from tests.helpers.paths import CONFIGS
from tests.helpers.prepared_noise import small

CPU = torch.device("cpu")
DATASET = "mnist_standin"


def sourced(value):
    return {"value": value, "source": "choice: a test"}


def study(grids, seeds=1):
    """Study quick with one epoch of its digits, of which some methods are tuned for one too."""
    whole = config.load_study(CONFIGS, "quick")
    content = whole.experiments["digits"].model_dump()
    short = {"epochs": 1, "batch_size": 16, "training_samples": 48}
    content["training"] |= {key: sourced(value) for key, value in short.items()}
    content["tuning"] = {"epochs": sourced(1), "seeds": sourced(seeds)}
    content["tuning"]["grids"] = {
        method: {name: sourced(values) for name, values in grid.items()}
        for method, grid in grids.items()
    }
    digits = schema.Experiment.model_validate(content)
    return whole.model_copy(update={"experiments": {"digits": digits}})


def tuned(asked, method, splits, folder, requests=None):
    identity = {"study": "quick", "code": "c0de", "device": "a test"}
    paths = tuple(splits / f"{split}.safetensors" for split in ("train", "val"))
    requests = requests or preemption.StopRequests()
    out = folder / "choice.json"
    tune.run(asked, "digits", method, identity, paths, CPU, requests, folder / "runs", out)
    return choice.read(out)


def test_the_grid_is_trained_and_the_smallest_validation_error_chosen(splits, tmp_path):
    """Every candidate is the run that the plain configuration with its value would be."""
    asked = study({"rotograd": {"rotation.learning_rate": [1e-3, 0.5]}}, seeds=2)
    found = tuned(asked, "rotograd", splits, tmp_path)
    errors = []
    for values in tuning.candidates(asked.experiments["digits"], "rotograd"):
        changed = tuning.of_candidate(asked, "digits", "rotograd", values)
        run = settings.run_settings(changed, "digits", "rotograd")
        tasks = Tasks(asked.datasets[DATASET].tasks)
        pair = []
        for seed in range(2):
            train_split = Loader(splits / "train.safetensors", CPU, 16, [], 48)
            val = Loader(splits / "val.safetensors", CPU, 64)
            trainer = Trainer(run, tasks, list(range(5)), seed, train_split, val, CPU)
            trainer.run(train.Checkpoints(None, "network", {}, "cpu"))
            pair.append(trainer.best)
        errors.append(pair)
    assert [list(candidate.errors) for candidate in found.candidates] == [
        pytest.approx(pair, abs=1e-9) for pair in errors
    ]
    means = [sum(pair) for pair in errors]
    assert found.best is found.candidates[means.index(min(means))]
    assert found.configuration == tuning.digest(asked, "digits", "rotograd")
    assert (found.epochs, found.seeds, found.code) == (1, 2, "c0de")
    for split in ("train", "val"):
        assert found.data[split] == sealed.check(splits / f"{split}.safetensors", "")
    assert not (tmp_path / "runs").exists(), "nothing is left of the candidates"


@pytest.mark.parametrize("method", ["vanilla", "single_task"])
@pytest.mark.parametrize("selection", ["loss_sum", "relative_improvement"])
def test_the_validation_error_is_what_the_kept_parameters_minimise(
    splits, tmp_path, method, selection
):
    whole = config.load_study(CONFIGS, "quick")
    run, tasks = small(whole, "digits", method, epochs=3), whole.datasets[DATASET].tasks
    run["training"]["selection"] = selection
    outputs = train.Outputs(*(tmp_path / name for name in ("model", "history.csv", "run.json")))
    paths = (splits / "train.safetensors", splits / "val.safetensors")
    error = train.run(run, {"seed": 0, "method": method}, tasks, *paths, CPU, outputs)
    history = pd.read_csv(outputs.history, index_col="epoch")
    losses = history[[f"val_loss/{task.name}" for task in tasks]]
    groups = [[c] for c in losses] if method == "single_task" else [list(losses)]
    if selection == "loss_sum":
        of_networks = [losses[group].sum(axis=1)[1:].min() for group in groups]
    else:
        changes = (losses - losses.loc[0]) / losses.loc[0]
        of_networks = [changes[group].mean(axis=1)[1:].min() for group in groups]
    assert error == pytest.approx(sum(of_networks), abs=1e-9)


def test_tuning_cannot_read_test(splits, tmp_path):
    """No argument can carry a test split or its metrics, and without the file all goes well."""
    declared = argparse.ArgumentParser(add_help=False)
    importlib.import_module("rotograd_replication.cli.tune").arguments(declared)
    assert {action.dest for action in declared._actions} == {
        *("study", "experiment", "method", "device", "threads", "code"),
        *("train", "val", "checkpoint", "out"),
    }
    alone = tmp_path / "splits"
    alone.mkdir()
    for split in ("train", "val"):
        (alone / f"{split}.safetensors").write_bytes((splits / f"{split}.safetensors").read_bytes())
    found = tuned(study({"gradnorm": {"alpha": [0.5, 1.5]}}), "gradnorm", alone, tmp_path)
    assert set(found.data) == {"train", "val"}


def test_a_candidate_that_diverges_loses_and_is_listed(splits, tmp_path):
    rates = {"rotation.learning_rate": [1e15, 1e-3]}
    found = tuned(study({"rotograd": rates}), "rotograd", splits, tmp_path)
    lost, best = found.candidates
    assert "epoch 1" in lost.diverged and not lost.errors and lost.error == float("inf")
    assert found.best is best and not found.diverged and best.errors


def test_where_every_candidate_diverges_the_choice_says_so(splits, tmp_path):
    rates = {"rotation.learning_rate": [1e15]}
    found = tuned(study({"rotograd": rates}), "rotograd", splits, tmp_path)
    assert found.diverged and "all diverged" in found.said["rotation.learning_rate"]


def test_a_tuning_that_was_ended_goes_on_with_the_candidate_it_was_at(
    splits, tmp_path, monkeypatch
):
    """What is trained is not trained again, and the choice is the same."""
    asked = study({"gradnorm": {"alpha": [0.5, 1.5]}})
    (tmp_path / "whole").mkdir()
    whole = tuned(asked, "gradnorm", splits, tmp_path / "whole")
    trained = []
    step = Trainer._step

    def stop(self, x, y):
        trained.append(1)
        if len(trained) == 5:
            requests.requested = "a test"
        return step(self, x, y)

    requests = preemption.StopRequests()
    monkeypatch.setattr(Trainer, "_step", stop)
    with pytest.raises(preemption.Preempted):
        tuned(asked, "gradnorm", splits, tmp_path, requests)
    found = tuned(asked, "gradnorm", splits, tmp_path)
    assert len(trained) == 6, "two candidates of three batches"
    assert found.candidates == whole.candidates


def test_a_method_without_a_grid_is_not_tuned(splits, tmp_path):
    with pytest.raises(ConfigurationError, match="Unknown tuned method `vanilla`"):
        tuned(study({"gradnorm": {"alpha": [0.5, 1.5]}}), "vanilla", splits, tmp_path)


def test_a_tuned_method_is_not_trained_without_its_choice(tmp_path):
    """Else the values that stand in the configuration would pass for tuned ones."""
    words = ["train", "--study", "quick", "--device", "cpu", "--experiment", "toy_nonconvex"]
    words += ["--code", "c0de", "--train", "absent", "--val", "absent", "--method", "rotograd"]
    words += ["--seed", "0", "--digest", "d"]
    for option in ("checkpoint", "model", "history", "record"):
        words += [f"--{option}", str(tmp_path / option)]
    arguments = cli.parser().parse_args(words)
    with pytest.raises(ValueError, match="`--tuned` must have what `tune` chose for rotograd"):
        arguments.verb(arguments)
