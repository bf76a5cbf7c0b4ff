"""What a record says of the process that made it."""

import re
import subprocess

import torch

from rotograd_replication.runtime import provenance


def test_a_processor_is_known_by_what_decides_its_bits(monkeypatch, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    one = "processor\t: {}\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: {}\nmodel name\t: AMD EPYC\n\n"
    cpuinfo.write_text(one.format(0, 17) + one.format(1, 18))
    monkeypatch.setattr(provenance, "Path", lambda _: cpuinfo)
    vectors = torch.backends.cpu.get_cpu_capability()
    assert provenance.processor() == f"AuthenticAMD 25 17 {vectors}"
    assert provenance.hardware(torch.device("cpu")) == "CPU, AMD EPYC"
    cpuinfo.unlink()
    assert provenance.processor() == vectors
    assert provenance.hardware(torch.device("cpu")).startswith("CPU, ")


def test_a_revision_is_clean_where_what_decides_numbers_is(tmp_path):
    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    assert provenance.revision(tmp_path) == "unknown"
    git("init")
    for name in ("src/code.py", "results/run.json", "configs/study.yaml"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("1")
    git("add", ".")
    git("commit", "-m", "first")
    clean = provenance.revision(tmp_path)
    assert re.fullmatch("[0-9a-f]{12}", clean)
    (tmp_path / "results/run.json").unlink()
    (tmp_path / "configs/hashes").mkdir()
    (tmp_path / "configs/hashes/nyuv2.json").write_text("{}")
    assert provenance.revision(tmp_path) == clean
    (tmp_path / "src/other.py").write_text("2")
    assert provenance.revision(tmp_path) == f"{clean}+changes"
    (tmp_path / "src/other.py").unlink()
    (tmp_path / "configs/study.yaml").write_text("2")
    assert provenance.revision(tmp_path) == f"{clean}+changes"
