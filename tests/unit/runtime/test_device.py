"""What a process fixes before it trains."""

import platform
import subprocess
import sys

import pytest

STEPS = """
import resource, torch
from rotograd_replication.runtime.device import make_deterministic
make_deterministic(1)
faults = []
for _ in range(30):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.zeros(9 << 20)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(min(faults))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_memory_that_a_step_frees_is_there_for_the_next():
    """36 MiB again and again: each takes 9,216 pages unless they are kept.

    The fewest of 30 count: small pieces left beside the first ones make glibc take new pages.
    """
    answer = subprocess.run(
        [sys.executable, "-c", STEPS], capture_output=True, text=True, check=True
    )
    assert int(answer.stdout) < 100


SETTINGS = """
import os, sys
import torch
from rotograd_replication.runtime.device import make_deterministic
for given in sys.argv[1:]:
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = given
    if not given:
        del os.environ["CUBLAS_WORKSPACE_CONFIG"]
    make_deterministic(1)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.utils.deterministic.fill_uninitialized_memory
    assert not torch.backends.cudnn.benchmark
    print(os.environ["CUBLAS_WORKSPACE_CONFIG"])
"""
# What the user has set -> what counts.
CUBLAS = {"": ":4096:8", ":0:0": ":4096:8", ":16:8": ":16:8"}


def test_algorithms_are_deterministic_and_new_tensors_are_not_filled():
    """And cuBLAS's, which reads its setting from the environment."""
    words = [sys.executable, "-c", SETTINGS, *CUBLAS]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.split() == list(CUBLAS.values())
