"""Runs keep their digests: those committed, and those of every study, however it is written down."""

import csv
import json

from rotograd_replication.config.load import load_study
from rotograd_replication.config.settings import run_digest
from tests.helpers.paths import CONFIGS, ROOT

GOLDEN = ROOT / "tests" / "golden" / "run_digests.csv"


def digests(study):
    loaded = load_study(CONFIGS, study)
    return {
        (experiment, method): run_digest(loaded, experiment, method)
        for experiment, content in loaded.experiments.items()
        for method in content.methods
    }


def test_every_run_of_every_study_keeps_its_digest():
    """A study that should train other runs gets other digests: change them in the golden file."""
    golden: dict[str, dict] = {}
    with open(GOLDEN, newline="") as file:
        for row in csv.DictReader(file):
            golden.setdefault(row["study"], {})[row["experiment"], row["method"]] = row["digest"]
    assert set(golden) == {path.stem for path in (CONFIGS / "studies").glob("*.yaml")}
    for study, expected in golden.items():
        assert digests(study) == expected, study


def test_committed_runs_are_of_the_present_configuration():
    runs = sorted((ROOT / "results").glob("*/*/*/seed*/metrics.json"))
    assert runs
    present = {study: digests(study) for study in {run.parts[-5] for run in runs}}
    for run in runs:
        study, experiment, method = run.parts[-5:-2]
        recorded = json.loads(run.read_text())["configuration"]
        assert recorded == present[study][experiment, method], run
