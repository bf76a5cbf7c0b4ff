"""The claims, and verdicts on made-up runs of the quick study."""

import json

import pytest

from rotograd_replication.claims import load, verdict
from tests.helpers import fake_runs
from tests.helpers.paths import CONFIGS

REPORTED = CONFIGS / "paper" / "reported.csv"


@pytest.fixture(scope="session")
def claimed():
    return load.load(CONFIGS)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Made-up runs of the quick study, aggregated, and the folder they lie in."""
    folder = tmp_path_factory.mktemp("quick")
    study, datasets = fake_runs.configuration("quick")
    gathered = {
        e: fake_runs.write(folder, study, "quick", e, datasets).aggregate(
            study, "quick", e, datasets
        )
        for e in study.experiments
    }
    return study, gathered, folder


@pytest.fixture(scope="session")
def quick(made, claimed):
    """Verdicts on them."""
    study, gathered, folder = made
    out = folder / "verdicts.json"
    verdict.run(study, "quick", *claimed, list(gathered.values()), REPORTED, out)
    return json.loads(out.read_text(), parse_constant=lambda name: pytest.fail(name))
