"""The profiles of clusters are dry-run as documented, and Kubernetes' image is that of `make`."""

import os
import re
import shlex
import subprocess
import tomllib

import pytest
import yaml

from tests.paths import ROOT
from tests.test_environment import MAKEFILE, PINS
from tests.test_slurm import environment
from tests.test_workflow import jobs, tree  # noqa: F401

FOLDER = ROOT / "profiles" / "kubernetes"
PROFILE = yaml.safe_load((FOLDER / "config.yaml").read_text())
DOCKERFILE = (FOLDER / "Dockerfile").read_text()


PAGE = (ROOT / "docs" / "cluster.md").read_text()


@pytest.mark.parametrize("group", ["slurm", "kubernetes"])
def test_the_command_of_the_page_as_a_dry_run(tree, tmp_path_factory, group):  # noqa: F811
    python = environment(tmp_path_factory.mktemp(group), group)
    pattern = rf"^    \.venv/bin/snakemake (.*profiles/{group} .*)$"
    (arguments,) = re.findall(pattern, PAGE, re.M)
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = f"{python} -m snakemake -n {arguments}"
    done = subprocess.run(
        command, shell=True, cwd=tree, capture_output=True, text=True, env=kept | {"PWD": str(tree)}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert jobs(done.stdout + done.stderr)["train_cifar10"] > 1
    assert f"make {group}\n" in PAGE


def test_the_image_is_built_from_the_locks():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    python = project["requires-python"].removeprefix("==").removesuffix(".*")
    assert re.search(rf"^FROM python:{re.escape(python)}-slim", DOCKERFILE, re.M)
    runs = re.findall(r"^RUN (.*)$", DOCKERFILE, re.M)
    uv = [shlex.split(line)[1:] for line in runs if line.startswith("/environment/bin/uv")]
    hashed = [
        ["pip", "sync", "--require-hashes", "/locks/requirements.lock"],
        ["pip", "install", "--require-hashes", "-r", "/locks/requirements-kubernetes.lock"],
    ]
    options = {"--no-cache", "--python", "/environment/bin/python"}
    assert [[word for word in words if word not in options] for words in uv] == hashed
    assert f"pip install --no-cache-dir uv=={PINS['uv']}" in DOCKERFILE
    assert "uv pip sync" in MAKEFILE and "--require-hashes requirements.lock" in MAKEFILE


def test_only_the_locks_are_sent_to_the_builder():
    (copy,) = re.findall(r"^COPY (.*) /locks/$", DOCKERFILE, re.M)
    ignore = (FOLDER / "Dockerfile.dockerignore").read_text().split()
    assert ignore == ["*", *(f"!{name}" for name in copy.split())]
    assert all((ROOT / name).is_file() for name in copy.split())


@pytest.fixture
def manifests():
    return {m["kind"]: m for m in yaml.safe_load_all((FOLDER / "workflow.yaml").read_text())}


def test_snakemake_s_own_pod_has_the_profile_s_image_and_volume(manifests):
    pod = manifests["Job"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == PROFILE["container-image"]
    (volume,) = PROFILE["kubernetes-persistent-volumes"]
    claim, path = volume.split(":")
    assert manifests["PersistentVolumeClaim"]["metadata"]["name"] == claim
    assert pod["volumes"] == [
        {"name": claim, "persistentVolumeClaim": {"claimName": claim}},
    ]
    assert container["volumeMounts"] == [{"name": claim, "mountPath": path}]
    assert container["workingDir"] == path == PROFILE["default-storage-prefix"]
    build = f"docker build -f profiles/kubernetes/Dockerfile -t {PROFILE['container-image']} ."
    assert build in DOCKERFILE and build in PAGE


def test_a_gpu_has_a_limit():
    """The executor sets limits only where `scale` is 0, and Kubernetes gives no GPU without one."""
    assert PROFILE["default-resources"]["scale"] == 0
    assert PROFILE["default-resources"]["gpu_manufacturer"] == "'nvidia'"
