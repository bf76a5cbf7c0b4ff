"""pyproject.toml, requirements.lock, environment.yml and the Makefile name the same packages."""

import importlib.metadata
import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement

from tests.helpers.paths import ROOT

LOCK = (ROOT / "requirements.lock").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
GROUPS = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]


def pins_of(lock):
    return dict(re.findall(r"^([a-zA-Z0-9_.-]+)(?:\[.*?\])?==(\S+)", lock, re.MULTILINE))


PINS = pins_of(LOCK)


def declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [
        Requirement(r) for r in project["dependencies"] + project["optional-dependencies"]["dev"]
    ]


def test_lock_satisfies_pyproject():
    for requirement in declared():
        assert requirement.name in PINS, (
            f"{requirement.name} is not in requirements.lock: make lock"
        )
        assert requirement.specifier.contains(PINS[requirement.name]), requirement


def check_hashes(lock):
    for block in re.split(r"\n(?=\S)", lock.strip()):
        if not block.startswith("#"):
            assert "--hash=sha256:" in block, block
    assert "://" not in lock


def test_every_pin_has_a_hash_and_no_host():
    check_hashes(LOCK)


def test_environment_yml_takes_the_lock():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(d["pip"] for d in conda["dependencies"] if isinstance(d, dict))
    assert pip == ["--require-hashes", "-r requirements.lock"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    python = next(d for d in conda["dependencies"] if str(d).startswith("python="))
    assert project["requires-python"] == f"=={python.removeprefix('python=')}.*"


def test_makefile_bootstraps_the_locked_uv():
    assert f"UV := uv=={PINS['uv']}\n" in MAKEFILE


def test_installed_is_what_is_locked():
    for requirement in declared():
        assert importlib.metadata.version(requirement.name) == PINS[requirement.name]


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_has_a_lock_of_its_own_that_agrees(group):
    """`make slurm` installs beside requirements.lock: nothing there may need another version."""
    text = (ROOT / f"requirements-{group}.lock").read_text()
    pins = pins_of(text)
    for requirement in map(Requirement, GROUPS[group]):
        assert requirement.specifier.contains(pins[requirement.name]), "make lock"
        assert requirement.name not in PINS, "every start of snakemake would import it"
    common = pins.keys() & PINS.keys()
    assert len(common) > 5 and all(pins[name] == PINS[name] for name in common), "make lock"
    check_hashes(text)
    assert re.search(rf"^(\w+ )*{group}( \w+)*: environment$", MAKEFILE, re.M), f"make {group}"
