"""A run that comes to nothing is stopped, recorded, counted and never averaged over."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from rotograd_replication.config import equal_code, load
from rotograd_replication.files.atomic import read_json
from rotograd_replication.paper import table
from rotograd_replication.results import run_records
from rotograd_replication.runtime import provenance
from rotograd_replication.training import divergence, evaluate, train
from rotograd_replication.training.checkpoint import Saving
from tests.helpers import fake_runs
from tests.helpers.methods import build
from tests.helpers.paths import CONFIGS, ROOT
from tests.helpers.prepared_noise import small

WHAT = {"epoch": 3, "batch": 100, "what": "the loss of `left` is nan"}


@pytest.fixture(scope="module")
def study():
    return load.load_study(CONFIGS, "quick")


def run(study, splits, folder, method="vanilla", change=lambda settings: None):
    settings = small(study, "digits", method, epochs=3)
    change(settings)
    outputs = train.Outputs(*(folder / n for n in ("model.safetensors", "history.csv", "run.json")))
    tasks, device = study.datasets["mnist_standin"].tasks, torch.device("cpu")
    paths = (splits / "train.safetensors", splits / "val.safetensors")
    identity = {"study": "quick", "experiment": "digits", "method": method, "seed": 0}
    identity |= {"configuration": "f" * 16, "code": "f" * 16}
    identity |= provenance.describe(device, ROOT)
    saving = Saving(folder / "checkpoint", 1e9)
    train.run(settings, identity, tasks, *paths, device, outputs, saving)
    out = folder / "metrics.json"
    evaluate.run(tasks, outputs.model, outputs.record, splits / "test.safetensors", device, out)
    return read_json(out), pd.read_csv(outputs.history)


def wild(settings):
    for part in ("optimizer", "rotation"):
        settings["training"][part] |= {"learning_rate": 1e25}


METHODS = [m for m in load.load_study(CONFIGS, "quick").experiments["digits"].methods]


@pytest.mark.parametrize("method", METHODS)
def test_an_infinite_loss_ends_the_run_with_its_evidence(study, splits, tmp_path, method):
    """Of every method: no solver or exponential of one fails where others diverge."""
    metrics, history = run(study, splits, tmp_path, method, wild)
    assert metrics["metrics"] is None
    assert metrics["diverged"]["epoch"] in (1, 2)
    assert "the loss of `" in metrics["diverged"]["what"]
    assert history["epoch"].iloc[0] == 0
    assert len(list((tmp_path / "checkpoint").rglob("diverged.safetensors"))) == 1
    assert run_records.diverged([tmp_path / "metrics.json", tmp_path / "none"]) == [
        f"digits/{method}/seed 0: {metrics['diverged']['what']}, "
        f"epoch {metrics['diverged']['epoch']}"
    ]


def test_a_run_that_ends_well_is_not_recorded_as_diverged(study, splits, tmp_path):
    metrics, _ = run(study, splits, tmp_path)
    assert metrics["diverged"] is None and metrics["metrics"]
    assert run_records.diverged([tmp_path / "metrics.json"]) == []


@pytest.mark.parametrize(("validations", "split"), [(0, "validation"), (4, "test")])
def test_a_metric_that_is_not_finite_ends_the_run(
    study, splits, tmp_path, monkeypatch, validations, split
):
    """Though the losses are: at the first validation, or after those of epochs 0 to 3."""
    good = iter([0.5] * 5 * validations)
    measure = "rotograd_replication.tasks.kinds._scalar.ScalarKind.measure"
    monkeypatch.setattr(measure, lambda *_: [next(good, float("nan"))])
    found, _ = run(study, splits, tmp_path)
    assert found["metrics"] is None
    assert found["diverged"]["what"] == f"the accuracy of `left` is nan on the {split} split"


def test_a_rotation_that_is_none_ends_the_run(study, splits, tmp_path, monkeypatch):
    method = type(build("rotograd", 5, 50))
    monkeypatch.setattr(
        method, "orthogonality_errors", lambda self: torch.tensor([0, 0.1, 0, 0, 0])
    )
    metrics, history = run(study, splits, tmp_path, "rotograd")
    assert metrics["diverged"]["what"].startswith("|R^T R - I| of `right` is 0.1")
    assert len(history) == 1


@pytest.mark.parametrize("name", ["rotograd", "vanilla"])
def test_rotations_have_no_defect_until_they_are_spoilt(name):
    method = build(name, 3, 8)
    names = ["a", "b", "c"]
    divergence.check_method(method, names)
    for value in method.state_dict().values():
        if value.is_floating_point():
            value.fill_(float("nan"))
    if name == "rotograd":
        with pytest.raises(divergence.Diverged, match="of `a` is nan"):
            divergence.check_method(method, names)


def spoil(path):
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"metrics": None, "diverged": WHAT}))


@pytest.fixture(params=[("vanilla",), ("vanilla", "single_task")], ids=" ".join)
def holed(request, tmp_path):
    """The digits of a study of five seeds in which seed 3 of some methods diverged."""
    study, datasets = fake_runs.configuration("quick")
    files = fake_runs.write(tmp_path, study, "quick", "digits", datasets, seeds=5)
    whole = files.aggregate(study, "quick", "digits", datasets)
    for method in request.param:
        spoil(tmp_path / "digits" / method / "seed3" / "metrics.json")
    return study, request.param, whole, files.aggregate(study, "quick", "digits", datasets)


def test_a_diverged_run_is_seen_and_has_no_number(holed):
    _, methods, whole, found = holed
    assert found.diverged == {method: [3] for method in methods}
    assert len(found.metrics) == len(whole.metrics)
    lost = found.metrics["value"].isna()
    assert set(found.metrics.loc[lost, "method"]) == set(methods)
    assert set(found.metrics.loc[lost, "seed"]) == {3}
    blank = found.tests["delta"].isna()
    expected = found.tests["seed"].eq(3) & (
        found.tests["method"].isin(methods) | ("single_task" in methods)
    )
    assert (blank == expected).all()


def test_a_table_counts_it_and_takes_the_median_of_the_others(holed, tmp_path):
    study, _, whole, found = holed
    outputs = [tmp_path / f"table.{end}" for end in ("csv", "md", "tex")]
    table.run(study, "quick", "digits", [found], fake_runs.paper(), *outputs)
    text = outputs[1].read_text()
    assert "Vanilla (4/5, 1 diverged)" in text
    assert "Diverged and left out, digits: " in text and "Vanilla 1 of 5 (seed 3)" in text
    assert "Blank" not in text
    cells = pd.read_csv(outputs[0])
    cell = cells[
        cells["method"].eq("Vanilla (4/5, 1 diverged)") & cells["quantity"].str.startswith("active")
    ]
    cell = cell[cell["source"] == "replicated"]
    rest = whole.tests[whole.tests["method"].eq("vanilla") & whole.tests["task"].eq("active")]
    rest = rest[rest["seed"] != 3]["value"]
    assert cell["value"].item() == pytest.approx(np.median(rest))
    assert cell["runs"].item() == 4


def test_every_table_and_a_method_without_a_single_run(tmp_path):
    study, datasets = fake_runs.configuration("quick")
    results = {}
    for experiments in study.tables.values():
        for experiment in set(experiments) - set(results):
            files = fake_runs.write(tmp_path, study, "quick", experiment, datasets)
            for path in files.metrics:
                if "vanilla" in path.parts:
                    spoil(path)
            results[experiment] = files.aggregate(study, "quick", experiment, datasets)
    for name, experiments in study.tables.items():
        outputs = [tmp_path / f"{name}_table.{end}" for end in ("csv", "md", "tex")]
        chosen = [results[experiment] for experiment in experiments]
        table.run(study, "quick", name, chosen, fake_runs.paper(), *outputs)
        assert "0/2, 2 diverged" in outputs[1].read_text()


def test_runs_of_older_code_are_called_stale(tmp_path):
    study, datasets = fake_runs.configuration("quick")
    files = fake_runs.write(tmp_path, study, "quick", "digits", datasets)
    found = files.aggregate(study, "quick", "digits", datasets)
    outputs = [tmp_path / f"table.{end}" for end in ("csv", "md", "tex")]
    stale = "Stale: runs of digits were made by older training code."
    for code, expected in (("0123456789abcdef", False), ("f" * 16, True), (None, False)):
        present = code and equal_code.TrainingCode(code)
        table.run(study, "quick", "digits", [found], fake_runs.paper(), *outputs, present)
        assert (stale in outputs[1].read_text()) == expected
