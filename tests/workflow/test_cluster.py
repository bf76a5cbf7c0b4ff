"""The profile for SLURM is dry-run as its page documents it."""

import os
import re
import subprocess

from tests.helpers.paths import ROOT
from tests.workflow.test_slurm import environment
from tests.workflow.test_workflow import jobs, tree  # noqa: F401

PAGE = (ROOT / "docs" / "cluster.md").read_text()


def test_the_command_of_the_page_as_a_dry_run(tree, tmp_path):  # noqa: F811
    python = environment(tmp_path / "environment")
    (arguments,) = re.findall(r"^    \.venv/bin/snakemake (.*profiles/slurm .*)$", PAGE, re.M)
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = f"{python} -m snakemake -n {arguments}"
    done = subprocess.run(
        command, shell=True, cwd=tree, capture_output=True, text=True, env=kept | {"PWD": str(tree)}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert jobs(done.stdout + done.stderr)["train_cifar10"] > 1
    assert "make slurm\n" in PAGE
