"""What several tests of the configuration begin with."""

import shutil

import pytest

from tests.helpers.paths import CONFIGS


@pytest.fixture
def configs(tmp_path):
    """A copy of `configs/` to spoil."""
    return shutil.copytree(CONFIGS, tmp_path / "configs")
