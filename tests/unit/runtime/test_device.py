"""What a process fixes before it trains."""

import platform
import re
import subprocess
import sys

import pytest
import torch

from rotograd_replication.runtime import device as runtime

STEPS = """
import resource, torch
from rotograd_replication.runtime import device as runtime
runtime.prepare(1)
for _ in range(5):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.zeros(1 << 24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_memory_that_a_step_frees_is_there_for_the_next():
    """64 MiB again and again: pages are taken from the system once."""
    answer = subprocess.run(
        [sys.executable, "-c", STEPS], capture_output=True, text=True, check=True
    )
    assert int(answer.stdout) < 1000


SETTINGS = """
import torch
from rotograd_replication.runtime import device as runtime
runtime.prepare(1)
assert torch.are_deterministic_algorithms_enabled()
assert not torch.utils.deterministic.fill_uninitialized_memory
"""


def test_algorithms_are_deterministic_and_new_tensors_are_not_filled():
    subprocess.run([sys.executable, "-c", SETTINGS], check=True)


def test_a_processor_is_known_by_what_decides_its_bits(monkeypatch, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    one = "processor\t: {}\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: {}\nmodel name\t: AMD EPYC\n\n"
    cpuinfo.write_text(one.format(0, 17) + one.format(1, 18))
    monkeypatch.setattr(runtime, "Path", lambda _: cpuinfo)
    vectors = torch.backends.cpu.get_cpu_capability()
    assert runtime.processor() == f"AuthenticAMD 25 17 {vectors}"
    assert runtime.hardware(torch.device("cpu")) == "CPU, AMD EPYC"
    cpuinfo.unlink()
    assert runtime.processor() == vectors
    assert runtime.hardware(torch.device("cpu")).startswith("CPU, ")


def test_a_revision_is_clean_where_what_decides_numbers_is(tmp_path):
    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    assert runtime.revision(tmp_path) == "unknown"
    git("init")
    for name in ("src/code.py", "results/run.json", "configs/study.yaml"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("1")
    git("add", ".")
    git("commit", "-m", "first")
    clean = runtime.revision(tmp_path)
    assert re.fullmatch("[0-9a-f]{12}", clean)
    (tmp_path / "results/run.json").unlink()
    (tmp_path / "configs/hashes").mkdir()
    (tmp_path / "configs/hashes/nyuv2.json").write_text("{}")
    assert runtime.revision(tmp_path) == clean
    (tmp_path / "src/other.py").write_text("2")
    assert runtime.revision(tmp_path) == f"{clean}+changes"
    (tmp_path / "src/other.py").unlink()
    (tmp_path / "configs/study.yaml").write_text("2")
    assert runtime.revision(tmp_path) == f"{clean}+changes"
