"""The run matrix: every state is told from files, and the rest is reckoned from finished runs."""

import json

import pytest

from rotograd_replication.config.equal_code import TrainingCode
from rotograd_replication.results import run_states, status
from tests.helpers import fake_runs

CODE = "0123456789abcdef"  # of the made-up runs


@pytest.fixture
def study(tmp_path):
    """Made-up runs of the digits experiments, all finished; their files are to be changed."""
    chosen, datasets = fake_runs.configuration("quick")
    experiments = {e: chosen.experiments[e] for e in ("digits", "digits_svhn")}
    chosen = chosen.model_copy(update={"experiments": experiments})
    for name in chosen.experiments:
        fake_runs.write(tmp_path, chosen, "quick", name, datasets)
    return chosen


@pytest.fixture
def places(tmp_path):
    run = f"{tmp_path}/{{experiment}}/{{method}}/seed{{seed}}"
    return run_states.Places(f"{run}/metrics.json", f"{run}/run.json", f"{run}/checkpoint")


def state(study, places, method, code=CODE, equal=()):
    """Of the first seed of a method on digits."""
    runs = run_states.runs(study, places, TrainingCode(code, equal))
    return next((r.state, r.reason) for r in runs if (r.experiment, r.method) == ("digits", method))


def metrics(tmp_path, method):
    return tmp_path / "digits" / method / "seed0" / "metrics.json"


def test_every_state_is_told_from_files(study, places, tmp_path):
    assert state(study, places, "vanilla") == ("done", "")
    assert state(study, places, "vanilla", "another") == (
        "stale",
        "the training code has changed since",
    )
    for changes, expected in (
        ({"diverged": {"epoch": 2, "what": "loss"}, "metrics": None}, "diverged"),
        ({"configuration": "f" * 16}, "stale"),
    ):
        path = metrics(tmp_path, "rotograd")
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        assert state(study, places, "rotograd")[0] == expected
    metrics(tmp_path, "vanilla").unlink()
    assert state(study, places, "vanilla")[0] == "missing"
    (tmp_path / "digits/vanilla/seed0/checkpoint").mkdir()
    assert state(study, places, "vanilla")[0] == "running"
    (tmp_path / "digits/vanilla/seed0/run.json").write_text("{}")
    assert state(study, places, "vanilla")[0] == "trained"


def test_runs_of_another_configuration_are_left_to_train(study, places, tmp_path):
    path = metrics(tmp_path, "rotograd")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"configuration": "f" * 16}))
    said = status.left(run_states.runs(study, places, TrainingCode(CODE)))
    assert said.startswith("1 runs are left to train")
    assert status.left(run_states.runs(study, places, TrainingCode("other"))).startswith("1 runs")


def test_every_run_of_the_study_is_in_the_matrix(study, places):
    found = run_states.runs(study, places, TrainingCode(CODE))
    expected = [
        (name, method, seed)
        for name, experiment in study.experiments.items()
        for method in experiment.methods
        for seed in range(experiment.seeds.value)
    ]
    assert [(r.experiment, r.method, r.seed) for r in found] == expected


def test_a_file_that_is_not_whole_is_named(study, places, tmp_path):
    metrics(tmp_path, "vanilla").write_text("{")
    with pytest.raises(ValueError, match="vanilla/seed0/metrics.json` must be JSON"):
        run_states.runs(study, places, TrainingCode(CODE))


def test_what_is_shown(study, places, tmp_path):
    metrics(tmp_path, "vanilla").unlink()
    shown = status.lines(study, "quick", run_states.runs(study, places, TrainingCode(CODE)))
    assert "digits: 21 of 22 runs done" in shown
    assert "  vanilla                . D  14 s a run" in shown
    assert ". missing: 1, not begun" in shown
    assert shown[-1] == "quick: 1 runs are left to train, at most 14 s of training"


def test_the_rest_is_reckoned_from_the_nearest_finished_runs(study, places, tmp_path):
    """Runs of seed 0 took 12.5 s and of seed 1 13.5 s: one of the method, else the experiment."""
    for seed in (0, 1):
        path = tmp_path / "digits" / "vanilla" / f"seed{seed}" / "metrics.json"
        path.unlink()
    for seed in (0, 1):
        (tmp_path / "digits" / "vanilla" / f"seed{seed}" / "checkpoint").mkdir()
    found = run_states.runs(study, places, TrainingCode(CODE))
    expected = "2 runs are left to train, at most 26 s of training and 13 s as now, 2 at a time"
    assert status.left(found) == expected
    for path in (tmp_path / "digits_svhn").rglob("metrics.json"):
        path.unlink()
    found = [
        r
        for r in run_states.runs(study, places, TrainingCode(CODE))
        if r.experiment == "digits_svhn"
    ]
    assert status.left(found).endswith("22 of experiments without a finished run are not in it")
    assert status.left([]) == "nothing is left to train"


@pytest.mark.parametrize(("seconds", "expected"), [(7200, "2.0 h"), (90, "1.5 min"), (5, "5 s")])
def test_durations(seconds, expected):
    assert status.duration(seconds) == expected
