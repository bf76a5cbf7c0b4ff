"""Which runs are to be trained follows from what their records say, of the committed studies too."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from rotograd_replication.config import equal_code, stages
from rotograd_replication.config import load as config
from rotograd_replication.config.equal_code import TrainingCode
from rotograd_replication.files import sealed
from rotograd_replication.planning import due
from tests.helpers import fake_runs
from tests.helpers.paths import CONFIGS, ROOT

RUN = "{experiment}/{method}/seed{seed}"
LITE = ROOT / "results" / "lite"


def plan(study, folder, name="lite", code=None, retrain=False):
    places = (f"{folder}/{RUN}/metrics.json", f"{folder}/{RUN}/history.csv")
    code = code or equal_code.load(CONFIGS, stages.code(*stages.TRAIN))
    choice = f"{folder}/{{experiment}}/tuning/{{method}}.json"
    return due.plan(study, name, *places, choice, code, retrain)


@pytest.fixture
def study():
    return config.load_study(CONFIGS, "lite")


def changed(study, experiment, part, **values):
    """The study with other values in one part of an experiment."""
    old = study.experiments[experiment]
    content = getattr(old, part)
    new = {key: getattr(content, key).model_copy(update={"value": v}) for key, v in values.items()}
    model = old.model_copy(update={part: content.model_copy(update=new)})
    return study.model_copy(update={"experiments": study.experiments | {experiment: model}})


def methods(found):
    return {(experiment, method) for experiment, method, _ in found.due}


def test_committed_studies_have_nothing_to_train():
    for name in ("lite", "rotations"):
        found = plan(config.load_study(CONFIGS, name), ROOT / "results" / name, name)
        assert (
            not found.due and not found.stale and not list(found.lines("To be trained again", ""))
        )


def test_an_edit_of_an_experiment_trains_its_runs_and_says_what_changed(study):
    found = plan(changed(study, "digits", "training", epochs=9), LITE)
    assert methods(found) == {("digits", m) for m in study.experiments["digits"].methods}
    assert set(found.due.values()) == {"training.epochs is 9, was 8"}
    (line,) = found.lines("To be trained again", "")
    assert "33 runs of digits: training.epochs is 9, was 8." in line


def test_an_edit_of_a_method_trains_its_runs(study):
    old = study.experiments["cifar10"]
    parameters = old.methods["pcgrad"].parameters
    mean = parameters["mean"].model_copy(update={"value": True})
    method = old.methods["pcgrad"].model_copy(update={"parameters": parameters | {"mean": mean}})
    new = old.model_copy(update={"methods": old.methods | {"pcgrad": method}})
    found = plan(study.model_copy(update={"experiments": {"cifar10": new}}), LITE)
    assert found.due == {
        ("cifar10", "pcgrad", seed): "method.parameters.mean is True, was False" for seed in (0, 1)
    }


def test_one_more_seed_trains_that_seed(study):
    old = study.experiments["cifar10"]
    new = old.model_copy(update={"seeds": old.seeds.model_copy(update={"value": 3})})
    found = plan(study.model_copy(update={"experiments": {"cifar10": new}}), LITE)
    assert {seed for _, _, seed in found.due} == {2}
    assert set(found.due.values()) == {due.MISSING} and not list(
        found.lines("To be trained again", "")
    )


def test_other_code_makes_runs_stale_and_trains_them_where_that_is_asked_for(study):
    other = TrainingCode("0" * 16)
    found = plan(study, LITE, code=other)
    assert not found.due and len(found.stale) == 202 + 8, "runs, and what tuning chose"
    (line,) = found.lines("To be trained again", "the command")
    assert "made by other training code" in line and line.endswith("again: the command.")
    found = plan(study, LITE, code=other, retrain=True)
    assert len(found.due) == 202 + 8 and not found.stale


RECORDS = [
    ({"study": "paper"}, "its record is of study paper"),
    ({"method": "mgda"}, "its record is of method mgda"),
    ({"seed": 5}, "its record is of seed 5"),
    ({"configuration": "0" * 16}, "its configuration was another"),
    ({"data": {"archives": {"cifar-10-binary.tar.gz": "0" * 64}}}, "archive"),
    ({"seconds": "long"}, "its record is damaged"),
    (None, "its record is damaged"),
]


@pytest.mark.parametrize(("change", "reason"), RECORDS)
def test_a_record_of_something_else(study, tmp_path, change, reason):
    shutil.copytree(LITE / "cifar10" / "vanilla", tmp_path / "cifar10" / "vanilla")
    path = tmp_path / "cifar10/vanilla/seed1/metrics.json"
    record = json.loads(path.read_text())
    if change and "data" in change:
        change = {"data": record["data"] | change["data"]}
    path.write_text(json.dumps(record | change) if change else "{")
    experiment = study.experiments["cifar10"]
    vanilla = experiment.model_copy(update={"methods": {"vanilla": experiment.methods["vanilla"]}})
    found = plan(study.model_copy(update={"experiments": {"cifar10": vanilla}}), tmp_path)
    assert set(found.due) == {("cifar10", "vanilla", 1)}
    assert found.due["cifar10", "vanilla", 1].startswith(reason)


def test_a_history_that_is_gone(study, tmp_path):
    shutil.copytree(LITE / "toy_convex", tmp_path / "toy_convex")
    (tmp_path / "toy_convex/vanilla/seed3/history.csv").unlink()
    toy = {"toy_convex": study.experiments["toy_convex"]}
    found = plan(study.model_copy(update={"experiments": toy}), tmp_path)
    assert found.due == {("toy_convex", "vanilla", 3): "its history is missing"}


def test_a_run_whose_history_is_of_a_later_training(study, tmp_path):
    """As where a training that replaces it was stopped before it was measured."""
    shutil.copytree(LITE / "toy_convex", tmp_path / "toy_convex")
    folder = tmp_path / "toy_convex/vanilla/seed3"
    model = json.loads((folder / "metrics.json").read_text())["model"]
    toy = study.model_copy(update={"experiments": {"toy_convex": study.experiments["toy_convex"]}})
    for later, expected in ((model, {}), ("0" * 64, "it was trained again and not measured")):
        (folder / "run.json").write_text(json.dumps({"model": later}))
        found = plan(toy, tmp_path).due
        assert found == (expected and {("toy_convex", "vanilla", 3): expected})


def test_a_choice_of_another_grid_is_made_again(tmp_path):
    study, datasets = fake_runs.configuration("quick")
    fake_runs.write(tmp_path, study, "quick", "toy_nonconvex", datasets)
    only = {"toy_nonconvex": study.experiments["toy_nonconvex"]}
    study = study.model_copy(update={"experiments": only})
    code = TrainingCode("0123456789abcdef")
    assert not plan(study, tmp_path, "quick", code).due
    path = tmp_path / "toy_nonconvex/tuning/rotograd.json"
    path.write_text(
        path.read_text().replace(json.loads(path.read_text())["configuration"], "0" * 16)
    )
    found = plan(study, tmp_path, "quick", code)
    assert list(found.due) == [("toy_nonconvex", "rotograd", None)]
    assert next(found.lines("To be trained again", "")).startswith(
        "To be trained again: toy_nonconvex/rotograd (tuning)"
    )


def test_a_run_that_is_trained_and_not_evaluated(tmp_path):
    record, model = tmp_path / "run.json", tmp_path / "model"
    identity = {"seed": 1, "configuration": "a"}
    splits = {}
    for value, split in enumerate(("train", "val")):
        splits[split] = tmp_path / f"{split}.safetensors"
        save_file({"x": np.array([value])}, splits[split], sealed.blank())
    data = {"prepared": {split: sealed.seal(path) for split, path in splits.items()}}
    assert not due.is_trained(record, identity, [model], splits)
    record.write_text(json.dumps(identity | {"device": "a CPU", "data": data}))
    assert not due.is_trained(record, identity, [model], splits)
    model.touch()
    assert due.is_trained(record, identity, [model], splits)
    assert not due.is_trained(record, identity | {"seed": 2}, [model], splits)
    save_file({"x": np.array([5])}, splits["val"], sealed.blank())  # prepared of other archives
    sealed.seal(splits["val"])
    assert not due.is_trained(record, identity, [model], splits)
    record.write_text("{")
    assert not due.is_trained(record, identity, [model], splits)


def test_what_tuning_chose_is_no_reason_to_train_again(tmp_path):
    """The record has the chosen rate, the study the one that it replaced."""
    study, datasets = fake_runs.configuration("quick")
    runs = fake_runs.write(tmp_path, study, "quick", "toy_nonconvex", datasets)
    for path in runs.metrics:
        run = json.loads(path.read_text())
        if run.get("tuned"):
            run["settings"]["method"]["rotation"] = {"name": "sgd", "learning_rate": 0.05}
        path.write_text(json.dumps(run))
    toy = study.experiments["toy_nonconvex"]
    epochs = toy.training.epochs.model_copy(update={"value": 7})
    training = toy.training.model_copy(update={"epochs": epochs})
    toy = toy.model_copy(update={"training": training})
    study = study.model_copy(update={"experiments": {"toy_nonconvex": toy}})
    found = plan(study, tmp_path, "quick", TrainingCode("0123456789abcdef"))
    reason = found.due["toy_nonconvex", "rotograd", 0]
    assert reason.startswith("training.epochs is 7, was ") and "rotation" not in reason
