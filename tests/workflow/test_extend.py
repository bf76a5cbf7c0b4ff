"""What docs/extend.md adds is added as written: study, method, dataset, kind of task, table."""

import json
import re
import shlex
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from safetensors import safe_open

from tests.helpers.paths import ROOT

PAGE = ROOT / "docs" / "extend.md"
# A file's name, and the block that follows it.
BLOCK = re.compile(r"`((?:src|configs|mirror)/\S+)`[^`]*```\w+\n(.*?)```", re.S)


def section(start):
    """A section of the page: the text after the heading that starts so."""
    return re.search(rf"^## {start}.*?$(.*?)(?=^## |\Z)", PAGE.read_text(), re.M | re.S)[1]


@pytest.fixture
def tree(tmp_path):
    """A checkout's own files in an empty folder."""
    for name in ("Snakefile", "rules", "profiles", "configs", "src", "CITATION.cff"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    return tmp_path


def follow(tree, text):
    """Write every block to its file, or add it to one that is there; returns the files."""
    blocks = BLOCK.findall(text)
    assert len(blocks) == text.count("```") / 2
    for name, content in blocks:
        (tree / name).parent.mkdir(exist_ok=True)
        with open(tree / name, "a") as file:
            file.write(f"\n{content}" if file.tell() else content)
    return [name for name, _ in blocks]


def edit(path, pattern, replacement):
    text, count = re.subn(pattern, replacement, path.read_text(), count=1, flags=re.S)
    assert count == 1
    path.write_text(text)


def run(tree, command, *more):
    words = [sys.executable, "-m", *shlex.split(command), *more]
    done = subprocess.run(words, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def shorten_toy(tree):
    edit(tree / "configs/experiments/toy_convex.yaml", r"epochs: {value: 100", "epochs: {value: 5")


def commands(text):
    return re.findall(r"^    (snakemake .*)$", text, re.M)


@pytest.mark.first
def test_the_worked_study_makes_its_table_and_figure(tree):
    """With fewer steps than the page has."""
    text = section("A study")
    (study,) = follow(tree, text)
    assert study == "configs/studies/mine.yaml"
    edit(tree / study, r"epochs: {value: 4,", "epochs: {value: 1,")
    edit(tree / study, r"training_samples: {value: 3000,", "training_samples: {value: 512,")
    plan, everything = commands(text)
    assert "train_digits" in run(tree, plan)
    assert "Report: report/mine/index.html" in run(tree, everything)
    for name in re.findall(r"`((?:paper_tables|figures|report)/mine/\S+)`", text):
        assert (tree / name).stat().st_size
    table = (tree / "paper_tables/mine/digits.md").read_text()
    assert "RotoGrad" in table and "Vanilla" in table
    settings = json.loads((tree / "results/mine/digits/rotograd/seed1/run.json").read_text())
    assert "0.005" in json.dumps(settings["settings"]["training"]["rotation"])


def test_the_worked_method_trains(tree):
    text = section("A method")
    assert len(follow(tree, text)) == 2
    (methods,) = re.findall(r"`toy_convex:`.*`(methods: .*?)`", text, re.S)
    study = tree / "configs/studies/quick.yaml"
    edit(study, r"\n  toy_convex: .*?\n", rf"\g<0>    {methods}\n")
    shorten_toy(tree)
    for command in commands(text):
        run(tree, command)
    record = json.loads((tree / "results/quick/toy_convex/unit/seed0/metrics.json").read_text())
    assert record["method"] == "unit" and record["metrics"]


def test_the_worked_table_is_made(tree):
    """And refused of an experiment that it cannot be made of, before any job."""
    text = section("A table or figure")
    assert len(follow(tree, text)) == 1
    study = tree / "configs/studies/quick.yaml"
    edit(study, r"\ntables:\n", r"\g<0>  angles: [toy_convex, digits]\n")
    (command,) = commands(text)
    words = [sys.executable, "-m", *shlex.split(command), "-n"]
    refused = subprocess.run(words, cwd=tree, capture_output=True, text=True, check=False)
    assert refused.returncode and "`angles` of tables must have 1 experiment." in refused.stderr
    edit(study, r"toy_convex, digits", "toy_convex")
    shorten_toy(tree)
    run(tree, command)
    made = (tree / "paper_tables/quick/angles.md").read_text()
    assert "| RotoGrad" in made and "Largest angle, ° · replicated" in made


def test_the_worked_kind_of_task_trains(tree):
    """On the points of the worked dataset."""
    dataset, text = section("A dataset"), section("A kind of task")
    assert len(follow(tree, dataset)) == 4 and len(follow(tree, text)) == 1
    edit(tree / "configs/studies/quick.yaml", r"\nexperiments:\n", r"\g<0>  points:\n")
    edit(tree / "configs/datasets.yaml", r"(name: distance.*?kind: )regression", r"\1absolute")
    (command,) = commands(text)
    run(tree, command)
    results = pd.read_csv(tree / "results/quick/points.csv")
    distance = results[results["task"] == "distance"].set_index(["method", "metric"])
    assert set(distance.index) == {(m, n) for m in ("vanilla", "rotograd") for n in ("mae", "loss")}
    mae, loss = distance.xs("mae", level="metric"), distance.xs("loss", level="metric")
    assert mae["value"].to_numpy() == pytest.approx(loss["value"].to_numpy(), rel=1e-6)
    assert not mae["higher_is_better"].any()


def test_the_worked_dataset_is_prepared(tree):
    text = section("A dataset")
    assert len(follow(tree, text)) == 4
    edit(tree / "configs/studies/quick.yaml", r"\nexperiments:\n", r"\g<0>  points:\n")
    prepare, train = commands(text)
    run(tree, prepare)
    sizes = {}
    for path in (tree / "data/prepared/points").rglob("*.safetensors"):
        with safe_open(path, "np") as file:
            sizes[path.stem] = file.get_slice("images").get_shape()
            assert file.get_slice("targets").get_shape() == sizes[path.stem]
    assert sizes == {"train": [8, 2], "val": [2, 2], "test": [2, 2]}
    planned = run(tree, train, "-n")
    assert "train_points" in planned and "prepare_points" not in planned
