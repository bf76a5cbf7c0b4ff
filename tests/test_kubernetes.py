"""The Kubernetes profile is dry-run, and its image holds the environment that `make` builds."""

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


def test_dry_run(tree, tmp_path_factory):  # noqa: F811
    python = environment(tmp_path_factory.mktemp("kubernetes"), "kubernetes")
    # The checkout's own folder, as in the profile; here it lies elsewhere.
    arguments = ["-n", "--workflow-profile", "profiles/kubernetes", "--default-storage-prefix"]
    command = [python, "-m", "snakemake", *arguments, tree, "--config", "study=quick"]
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, env=kept)
    assert done.returncode == 0, done.stdout + done.stderr
    assert jobs(done.stdout + done.stderr)["train_cifar10"] == 1


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
    assert f"-t {PROFILE['container-image']} ." in DOCKERFILE


def test_a_gpu_has_a_limit():
    """The executor sets limits only where `scale` is 0, and Kubernetes gives no GPU without one."""
    assert PROFILE["default-resources"]["scale"] == 0
    assert PROFILE["default-resources"]["gpu_manufacturer"] == "'nvidia'"
