"""pyproject.toml, requirements.lock, environment.yml and the Makefile name the same packages."""

import importlib.metadata
import re
import tomllib

import yaml
from packaging.requirements import Requirement

from tests.paths import ROOT

LOCK = (ROOT / "requirements.lock").read_text()
PINS = dict(re.findall(r"^([a-zA-Z0-9_.-]+)(?:\[.*?\])?==(\S+)", LOCK, re.MULTILINE))


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


def test_every_pin_has_a_hash_and_no_host():
    for block in re.split(r"\n(?=\S)", LOCK.strip()):
        if not block.startswith("#"):
            assert "--hash=sha256:" in block, block
    assert "://" not in LOCK


def test_environment_yml_takes_the_lock():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(d["pip"] for d in conda["dependencies"] if isinstance(d, dict))
    assert pip == ["--require-hashes", "-r requirements.lock"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    python = next(d for d in conda["dependencies"] if str(d).startswith("python="))
    assert project["requires-python"] == f"=={python.removeprefix('python=')}.*"


def test_makefile_bootstraps_the_locked_uv():
    assert f"UV := uv=={PINS['uv']}\n" in (ROOT / "Makefile").read_text()


def test_installed_is_what_is_locked():
    for requirement in declared():
        assert importlib.metadata.version(requirement.name) == PINS[requirement.name]
