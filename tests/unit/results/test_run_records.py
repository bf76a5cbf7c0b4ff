"""A run's record is read whole, whichever revision wrote it, or refused with a remedy."""

import json

import pytest

from rotograd_replication.results import run_records
from tests.helpers.paths import ROOT

COMMITTED = sorted((ROOT / "results").glob("*/*/*/seed*/metrics.json"))
# Keys that the earliest records lack.
LATER = ("trained_as", "tuned", "processor", "diverged")


@pytest.fixture
def written(tmp_path):
    """Write a committed record with some changes; its path."""
    path = tmp_path / "metrics.json"
    whole = json.loads(COMMITTED[0].read_text())

    def write(without=(), **changes):
        content = {k: v for k, v in (whole | changes).items() if k not in without}
        path.write_text(json.dumps(content))
        return path

    return write


def test_committed_records_say_what_their_files_say():
    for path in COMMITTED:
        run, content = run_records.read(path), json.loads(path.read_text())
        said = run.model_dump(exclude_unset=True)
        assert said == content, path
        assert path.parts[-4:-1] == (run.experiment, run.method, f"seed{run.seed}")


def test_a_record_of_an_earlier_revision_is_read(written):
    path = written(without=LATER)
    content = json.loads(path.read_text())
    del content["data"]["prepared"]
    path.write_text(json.dumps(content))
    run = run_records.read(path)
    assert run.data.prepared is None and run.diverged is None and run.tuned == {}


def test_a_key_of_a_later_revision_is_passed_over(written):
    assert run_records.read(written(later=1)) == run_records.read(written())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"without": ("code", "seconds")}, "must have every key of a run. Missing: code, seconds."),
        ({"seed": "0"}, "`seed`: Input should be a valid integer. Found '0'."),
        (
            {"versions": ["2.0"]},
            r"`versions`: Input should be a valid dictionary. Found \['2.0'\].",
        ),
        ({"diverged": {"what": "nan"}}, "Missing: diverged.epoch."),
        ({"study": "other"}, "must be of study `lite`. Found `other`."),
    ],
)
def test_a_record_that_is_not_one_is_refused(written, change, message):
    path = written(**change)
    with pytest.raises(run_records.RecordError, match=rf"^`{path}`.*{message} Train it\.$"):
        run_records.read(path, "Train it.", study="lite")


def test_the_largest_memory_is_of_the_runs_that_measured_it(written):
    runs = [run_records.read(written(peak_memory_mb=mb)) for mb in (100.0, None, 300.0)]
    assert run_records.peak_memory_mb(runs) == 300
    assert run_records.peak_memory_mb(runs[1:2]) is None
