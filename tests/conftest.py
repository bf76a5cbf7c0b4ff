"""Fixtures that several test files share."""

import os
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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest tests first, each on another worker.

    `worksteal` gives the first worker the first part of the tests, the second the second, and so on.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    longest = [item for item in items if item.get_closest_marker("first")]
    items[:] = [item for item in items if item not in longest]
    share = (len(items) + len(longest)) // workers
    places = (k % workers * share + k // workers for k in range(len(longest)))
    for place, item in sorted(zip(places, longest, strict=True), key=lambda pair: pair[0]):
        items.insert(place, item)


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
    """A folder of the real archives; the test is skipped where there are none."""
    if not BUILD_MIRROR.is_file():
        pytest.skip("no real archives: no ../shared/data next to the repository")
    out = tmp_path_factory.mktemp("mirror")
    subprocess.run([sys.executable, BUILD_MIRROR, out], check=True, capture_output=True)
    return out


@pytest.fixture(scope="session")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small prepared splits of five tasks on noise."""
    return prepared_noise.write(tmp_path_factory.mktemp("splits"))
