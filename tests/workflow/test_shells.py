"""Whatever the user's shell has set: the same bytes; and from whatever folder, with whatever names."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.workflow.test_workflow import TREE, snakemake

SNAKEMAKE = Path(sys.executable).parent / "snakemake"
# One of each kind that is drawn or written from committed results.
OUTPUTS = [
    *(f"paper_tables/lite/digits.{kind}" for kind in ("csv", "md", "tex")),
    *(f"figures/lite/toy.{kind}" for kind in ("csv", "pdf", "png")),
    "results/lite/toy_convex.csv",
    "results/lite/verdicts.json",
    "paper_tables/lite/hyperparameters.md",
    "report/lite/index.html",
]


def hostile(folder):
    """A shell of a notebook in a container on a cluster, all at once, and some more."""
    evil = folder / "evil"
    evil.mkdir()
    for name in ("yaml", "numpy", "matplotlib", "encodings"):
        (evil / f"{name}.py").write_text("raise SystemExit('of another Python')\n")
    (evil / "matplotlibrc").write_text("font.size: 30\nsavefig.dpi: 20\n")
    (evil / "python").write_text("#!/bin/sh\necho another python\nexit 1\n")
    (evil / "python").chmod(0o755)
    (evil / "modules.sh").write_text(f"export PATH={evil}:$PATH\n")
    python = {"PYTHONPATH": str(evil), "PYTHONHOME": str(evil), "PYTHONOPTIMIZE": "2"}
    python |= {"PYTHONWARNINGS": "error", "PYTHONIOENCODING": "ascii", "PYTHONHASHSEED": "7"}
    drawing = {"MPLBACKEND": "module://nowhere", "MATPLOTLIBRC": str(evil / "matplotlibrc")}
    place = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "LANG": "tr_TR.ISO-8859-9"}
    rest = {"BASH_ENV": str(evil / "modules.sh"), "COLUMNS": "20", "SOURCE_DATE_EPOCH": "1"}
    rest |= {"GIT_DIR": str(evil), "TMPDIR": "/nowhere"}
    return {"PATH": os.environ["PATH"]} | python | drawing | place | rest


def checkout(folder):
    """A checkout without results."""
    folder.mkdir()
    for name in TREE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    return folder


def committed(folder):
    """A checkout with the committed outputs of `lite`, in the order of time that made them."""
    checkout(folder)
    for age, name in enumerate(("figures/lite", "paper_tables/lite", "results/lite")):
        shutil.copytree(ROOT / name, folder / name)
        for path in (folder / name).rglob("*.*"):
            # Of results, what is gathered is younger than the runs.
            made = 1_700_000_000 - age * 100 - 50 * (len(path.relative_to(folder).parts) > 3)
            os.utime(path, (made, made))
    for output in OUTPUTS:
        (folder / output).unlink(missing_ok=True)
    return folder


def test_the_same_bytes_whatever_the_shell_says(tmp_path):
    if not (ROOT / "results" / "lite").is_dir():
        pytest.skip("the committed results are not at hand")
    made = {}
    for name, variables in [("plain", dict(os.environ)), ("hostile", hostile(tmp_path))]:
        if name == "plain":
            variables.pop("PYTHONPATH", None)
        folder = committed(tmp_path / name)
        command = [SNAKEMAKE, *OUTPUTS, "--config", "study=lite", "present=yes"]
        done = subprocess.run(
            command, cwd=folder, env=variables, capture_output=True, text=True, errors="replace"
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
        made[name] = {output: (folder / output).read_bytes() for output in OUTPUTS}
    differ = [output for output in OUTPUTS if made["plain"][output] != made["hostile"][output]]
    assert not differ
    for output in OUTPUTS:
        if not output.endswith((".pdf", ".png", ".html")):
            assert made["hostile"][output] == (ROOT / output).read_bytes(), output


STUDY = """
title: Small
summary: A toy.
device: cpu
threads: 1
batch: experiment
experiments:
  toy_convex: {seeds: {value: 1, source: "choice: a test"}}
tables: {}
figures: {}
"""


@pytest.fixture
def small(tmp_path):
    """A checkout with a study of one run, in a folder whose name a shell must not read."""
    folder = checkout(tmp_path / "it's; a checkout")
    (folder / "configs" / "studies" / "small.yaml").write_text(STUDY)
    return folder


def test_a_checkout_is_used_from_another_folder(small, tmp_path):
    """Files of the checkout are found, and what is made is made where snakemake works."""
    options = ["--config", "study=small", "present=yes"]
    (tmp_path / "else").mkdir()
    snakefile = f"../{small.name}/Snakefile"
    snakemake(tmp_path / "else", "-s", snakefile, "-d", "{here}", "report", *options)
    assert (tmp_path / "else" / "{here}" / "report" / "small" / "index.html").is_file()
    assert not (small / "report").exists()

    braces = small.rename(small.parent / "{a}")
    said = snakemake(tmp_path / "else", "-s", braces / "Snakefile", "-n", *options, code=1)
    assert "must have no braces" in said and "Traceback" not in said
    assert "report" in snakemake(braces, "-n", "report", *options)


PART = [("--until", "prepare_toy_convex"), ("--omit-from", "train_toy_convex")]


@pytest.mark.parametrize("part", PART, ids=lambda part: part[0])
def test_a_part_of_what_a_file_needs_is_made_and_no_more_is_asked_for(small, part):
    target = "results/small/toy_convex.csv"
    said = snakemake(small, target, *part, "--config", "study=small")
    assert "not made yet" not in said and not (small / target).exists()
    assert list((small / "data" / "prepared").rglob("train.safetensors"))


@pytest.mark.parametrize("place", ["{home}", "~"])
def test_a_mirror_is_found_whatever_its_path(small, tmp_path, monkeypatch, place):
    home = tmp_path / "of {me} and 'you'"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    mirror = f"mirror={place.format(home=home)}/archives"
    said = snakemake(
        small, "data/raw/mnist/archives.json", "--config", "study=lite", mirror, code=1
    )
    assert f"The mirror folder `{home}/archives` must hold train-images" in said


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--config", "study=lite", "--config", "mirror=x"], "`--config` must be given once"),
        (["-Cstudy=lite", "--config=mirror=x"], "`--config` must be given once"),
        (["--config", "study=it's;touch x"], "must be of letters, digits"),
        (["--config", "study=two words"], "must be of letters, digits"),
        (["--config", "study=-n"], "must be of letters, digits"),
    ],
)
def test_what_would_be_misread_is_refused(small, words, expected):
    studies = small / "configs" / "studies"
    for name in ("it's;touch x", "two words", "-n"):
        (studies / f"{name}.yaml").write_text(STUDY)
    said = snakemake(small, "-n", *words, code=1)
    assert expected in said and "Traceback" not in said
    assert not (small / "x").exists()
