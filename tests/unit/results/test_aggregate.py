"""Runs become three files, and a mixture of runs is refused with a remedy."""

import io
import json
import sys

import pytest

from rotograd_replication.config import schema
from rotograd_replication.results.run_records import RecordError
from tests.helpers import fake_runs

NAME, EXPERIMENT = "quick", "digits"


@pytest.fixture(scope="module")
def configuration():
    return fake_runs.configuration(NAME)


@pytest.fixture
def runs(tmp_path, configuration):
    study, datasets = configuration
    files = fake_runs.write(tmp_path, study, NAME, EXPERIMENT, datasets)
    return files, lambda: files.aggregate(study, NAME, EXPERIMENT, datasets)


def change(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_row_per_run_task_and_metric(runs):
    files, aggregate = runs
    found = aggregate()
    assert len(found.metrics) == len(files.metrics) * (5 * 2 + 1)  # F1 in two conventions
    assert found.name == EXPERIMENT
    assert set(found.tests["metric"]) == {"accuracy", "f1", "mse"}


def test_a_record_from_before_a_convention_lacks_it_alone(runs):
    """Its row has no number, so that a table of that convention does not take the other's."""
    files, aggregate = runs
    for path in files.metrics[:-1]:
        metrics = json.loads(path.read_text())["metrics"]
        del metrics["parity"]["f1_batches"]
        change(path, metrics=metrics)
    part = aggregate().tests_by(schema.BATCHES).set_index("task").loc["parity"]
    assert part["metric"].unique() == ["f1"] and part["value"].notna().sum() == 1
    assert aggregate().tests["value"].notna().all()


def test_delta_is_against_the_single_task_run_of_the_same_seed(runs):
    _, aggregate = runs
    tests = aggregate().tests.set_index(["method", "seed", "task"])
    for task, sign in (("left", 1), ("sum", -1)):
        single, ours = (tests.loc[(m, 1, task)] for m in ("single_task", "vanilla"))
        expected = 100 * sign * (ours["value"] - single["value"]) / single["value"]
        assert ours["delta"] == pytest.approx(expected)
        assert single["delta"] == 0


def test_delta_is_empty_without_a_single_task_run(tmp_path, configuration):
    study, datasets = configuration
    files = fake_runs.write(tmp_path, study, NAME, "stability", datasets)
    assert files.aggregate(study, NAME, "stability", datasets).tests["delta"].isna().all()


def test_histories_share_one_header(runs):
    files, aggregate = runs
    history = aggregate().history
    assert list(history.columns[:3]) == ["method", "seed", "epoch"]
    assert len(history) == len(files.metrics) * 4
    single = history["method"] == "single_task"
    assert history.loc[single, "cosine/left/right"].isna().all()
    assert history.loc[~single & (history["epoch"] > 0), "cosine/left/right"].notna().all()


def test_provenance_says_what_a_caption_needs(runs):
    _, aggregate = runs
    facts = aggregate().provenance
    assert facts["runs"]["vanilla"] == 2
    assert facts["seconds"]["vanilla"] == 13.0
    assert facts["devices"] == ["Test CPU, 2 cores"]
    assert facts["versions"] == {"torch": ["2.13.0"]}
    assert "stand-in" in facts["data"]["label"]


def test_same_runs_same_bytes(runs):
    files, aggregate = runs
    aggregate()
    first = [path.read_bytes() for path in (files.table, files.history, files.provenance)]
    aggregate()
    assert first == [path.read_bytes() for path in (files.table, files.history, files.provenance)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"configuration": "f" * 16}, r"vanilla/seed 0 was made under another configuration"),
        ({"study": "paper"}, "must be of study `quick`. Found `paper`"),
        ({"method": "foo"}, "`foo` is not a method"),
        ({"metrics": {}}, "must have a number for `accuracy` of `left`"),
        ({"seed": 1}, "must be given once"),
        ({"data": {}}, "Missing: data.label, data.archives, data.samples"),
        (
            {"data": {"label": "MNIST", "archives": {"train.gz": "b" * 64}, "samples": {}}},
            "Found other archives",
        ),
        ({"epochs": 7}, "vanilla/seed 0 must be trained as long as .* Found 7 epochs"),
    ],
)
def test_a_run_that_does_not_belong_is_refused(runs, changes, message):
    files, aggregate = runs
    path = next(p for p in files.metrics if "vanilla" in p.parts and "seed0" in p.parts)
    change(path, **changes)
    with pytest.raises(RecordError, match=message):
        aggregate()
    assert not files.table.exists()


def test_a_run_on_other_prepared_files_is_refused(runs):
    files, aggregate = runs
    data = json.loads(files.metrics[3].read_text())["data"]
    change(files.metrics[3], data=data | {"prepared": data["prepared"] | {"test": "d" * 64}})
    with pytest.raises(RecordError, match="must be trained and tested on the prepared files"):
        aggregate()
    assert not files.table.exists()


def test_the_remedy_names_the_rule(runs):
    files, aggregate = runs
    change(files.metrics[0], configuration="f" * 16)
    with pytest.raises(RecordError, match="folder, then run: snakemake --config study=quick"):
        aggregate()


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "must be JSON"), ("[]", "must be a mapping"), ("{}", "Missing: study, ")],
)
def test_a_malformed_record_is_refused(runs, text, message):
    files, aggregate = runs
    files.metrics[3].write_text(text)
    with pytest.raises(RecordError, match=message):
        aggregate()


@pytest.mark.parametrize("text", ["", "seconds\n1\n", "epoch,seconds\n1\n"])
def test_a_malformed_history_is_refused(runs, text):
    files, aggregate = runs
    files.histories[3].write_text(text)
    with pytest.raises(RecordError, match="a row per epoch"):
        aggregate()


def test_a_missing_history_is_refused(runs):
    files, aggregate = runs
    files.histories.pop()
    with pytest.raises(RecordError, match="one history per metrics file"):
        aggregate()


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_progress_is_shown_on_a_terminal_alone(runs, monkeypatch, stream):
    monkeypatch.setattr("sys.stderr", stream())
    _, aggregate = runs
    aggregate()
    shown = sys.stderr.getvalue()
    assert ("digits: records: 100%" in shown) is (stream is Terminal)


@pytest.fixture
def tuned(tmp_path):
    """Study quick's tuned toy: its runs, and how to aggregate them."""
    study, datasets = fake_runs.configuration(NAME)
    files = fake_runs.write(tmp_path, study, NAME, "toy_nonconvex", datasets)
    return files, lambda: files.aggregate(study, NAME, "toy_nonconvex", datasets)


def test_what_tuning_chose_is_kept_with_its_whole_grid(tuned):
    files, gather = tuned
    assert gather().choices == {choice.method: choice for choice in files.choices}
    assert len(files.choices[0].candidates) == 3


def test_a_run_of_another_choice_is_refused(tuned):
    """As after a tuning by other code that chose another value, until the run is trained again."""
    files, gather = tuned
    path = next(path for path in files.metrics if path.parts[-3] == "rotograd")
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"tuned": {"rotation.learning_rate": "another"}}))
    with pytest.raises(RecordError, match=r"what tuning chose: .* Found .*another"):
        gather()
    del record["tuned"]
    path.write_text(json.dumps(record))
    with pytest.raises(RecordError, match=r"rotograd/seed 0 .* Found nothing"):
        gather()
