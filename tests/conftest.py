"""Fixtures that several test files share."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from tests.helpers import prepared_noise
from tests.helpers.paths import ROOT

# `make test` draws the same examples every time; `make fuzz` draws twenty times as many anew.
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("repeatable", derandomize=True, database=None, **QUIET)
settings.register_profile("campaign", max_examples=2_000, print_blob=True, **QUIET)
settings.load_profile("repeatable")

# Two workers on two cores: threads that wait for each other take ten times as long.
torch.set_num_threads(1)

BUILD_MIRROR = ROOT.parent / "shared" / "data" / "build_mirror.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--slurm-study quick` takes a whole study to SLURM, a quarter of an hour and more."""
    parser.addoption("--slurm-study", help="of configs/studies; a few small runs if not given")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest tests first."""
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


@pytest.fixture(autouse=True)
def same_torch():
    """A command run in this process fixes how torch computes: no other test is to see it."""
    before = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(before[0])
    if torch.get_num_threads() != before[1]:
        torch.set_num_threads(before[1])


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the real archives; the test is skipped where they are not at hand."""
    if not BUILD_MIRROR.is_file():
        pytest.skip("the real archives are not at hand: no ../shared/data beside the repository")
    out = tmp_path_factory.mktemp("mirror")
    subprocess.run([sys.executable, BUILD_MIRROR, out], check=True, capture_output=True)
    return out


@pytest.fixture(scope="session")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small prepared splits of five tasks on noise."""
    return prepared_noise.write(tmp_path_factory.mktemp("splits"))
