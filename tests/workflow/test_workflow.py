"""The workflow as a user runs it: dry runs of every target, what an edit reruns, the quick study."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from safetensors import safe_open

from rotograd_replication import plugins
from rotograd_replication.cli import parser
from rotograd_replication.config import load as config
from rotograd_replication.config import stages
from rotograd_replication.files import sources
from tests.helpers import fake_runs
from tests.helpers.paths import CONFIGS, ROOT

TABLES, FIGURES = plugins.names("tables"), plugins.names("figures")
TREE = [
    "CITATION.cff",
    "Makefile",
    "requirements.lock",
    "pyproject.toml",
    "Snakefile",
    "rules",
    "profiles",
    "configs",
    "src",
]


def snakemake(folder, *arguments, code=0):
    """Run snakemake in a folder; returns everything it printed."""
    command = [str(Path(sys.executable).parent / "snakemake"), *arguments]
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH",)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    output = done.stdout + done.stderr
    assert done.returncode == code, output[-6000:]
    return output


def checkout(folder):
    """Copy a checkout's own files to a folder; returns the folder."""
    for name in TREE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def tree(tmp_path):
    """A checkout's own files in an empty folder."""
    return checkout(tmp_path)


@pytest.fixture(scope="module")
def unrun(tmp_path_factory):
    """A checkout's own files, for calls that run no job."""
    return checkout(tmp_path_factory.mktemp("unrun"))


def jobs(output):
    """Rule -> how many of its jobs a dry run lists."""
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", output, re.M)}


def test_dry_run_of_targets(unrun):
    """Of a whole study's work, what they rest on and no more."""
    targets = ["data", "paper_tables/paper/digits.md", "figures/paper/toy.pdf"]
    # Of stability, vanilla is that of the digits.
    for run in ("cifar10/rotograd", "stability/vanilla"):
        targets.append(f"results/paper/{run}/seed3/metrics.json")
    found = jobs(snakemake(unrun, "-n", *targets, "--config", "study=paper"))
    assert {"fetch", "prepare_nyuv2", "train_toy_convex", "train_digits_svhn"} <= found.keys()
    assert found["table"] == found["figure"] == found["train_cifar10"] == 1
    digits = config.load_study(CONFIGS, "paper").experiments["digits"]
    assert found["train_digits"] == len(digits.methods) * digits.seeds.value, "each run once"
    assert found["reuse_stability"] == 1 and "train_stability" not in found


def pages():
    """The README and every page of the documentation; `test_extend` follows the one left out."""
    docs = sorted((ROOT / "docs").glob("*.md"))
    return [ROOT / "README.md", *(page for page in docs if page.name != "extend.md")]


def commands(program, words_at_least=2):
    """Every command of that program in the documentation, as written; shorter ones are its name."""
    found = {}
    for page in pages():
        lines = re.split("`|&&|\n", page.read_text())
        for line in lines:
            words = shlex.split(line, comments=True) if program in line.split()[:1] else []
            if len(words) >= words_at_least:
                found.setdefault(tuple(words[1:]), page.name)
    return [pytest.param(words, id=f"{page}: {' '.join(words)}") for words, page in found.items()]


# The studies that a page has its reader write.
WRITTEN = re.compile(r"`(configs/studies/\w+\.yaml)`:\n\n```yaml\n(.*?)```", re.S)


def is_report(command):
    return "--report" in command.values[0]


def starts():
    """The documented commands, and whole studies: one start for all targets of the same options."""
    found = {((), ("--config", f"study={name}")): ["all"] for name in ("lite", "paper")}
    for command in commands("snakemake"):
        (words,) = command.values
        at = words.index("--config")
        targets = [word for word in words[:at] if word != "-n"] or ["all"]
        apart = tuple(word for word in targets if word in ("--force", "--nolock", "tune"))
        if not is_report(command):
            found.setdefault((apart, words[at:]), []).extend(targets)
    return [
        pytest.param(list(dict.fromkeys(targets)), options, id=" ".join((*apart, *options)))
        for (apart, options), targets in found.items()
    ]


@pytest.mark.parametrize(("targets", "options"), starts())
def test_snakemake_commands_of_the_documentation(unrun, targets, options):
    """Every one is understood; a dry run lists its jobs, or says that none is left."""
    for page in pages():
        for file, study in WRITTEN.findall(page.read_text()):
            (unrun / file).write_text(study)
    output = snakemake(unrun, "-n", *targets, *options)
    found = jobs(output)
    assert "total" in found or "Nothing to be done" in output
    if targets[0] == "all" and len(options) == 2:
        assert found["table"] >= 2 and found["figure"] >= 4 and found["hyperparameters"] == 1


@pytest.mark.parametrize("arguments", [c for c in commands("snakemake") if is_report(c)])
def test_snakemakes_own_report_has_a_caption_for_every_file(tree, arguments, monkeypatch):
    """It needs the files, which are empty here, and no network."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    study = config.load_study(CONFIGS, "lite")
    tables = [f"paper_tables/lite/{t}.{k}" for t in study.tables for k in ("csv", "md", "tex")]
    figures = [f"figures/lite/{f}.{k}" for f in study.figures for k in ("csv", "pdf", "png")]
    pages = ["paper_tables/lite/hyperparameters.md", "results/lite/verdicts.json"]
    files = [*tables, *figures, *pages, "report/lite/index.html"]
    for file in files:
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        (tree / file).touch()
    snakemake(tree, *arguments)
    page = (tree / arguments[arguments.index("--report") + 1]).read_text()
    found = json.loads(re.search(r"results = (\{.*?\});?$", page, re.M)[1])
    assert set(found) == set(files)
    plain = {name: re.sub("<.*?>", "", file["caption"]) for name, file in found.items()}
    assert all("lite" in caption for caption in plain.values())
    assert "from\nresults/lite/digits.csv." in plain["paper_tables/lite/digits.md"]
    captions = {path.stem for path in (ROOT / "rules" / "captions").iterdir()}
    rules = "".join(path.read_text() for path in [ROOT / "Snakefile", *ROOT.glob("rules/*.smk")])
    assert all(f'"{name}"' in rules or f"/{name}.rst" in rules for name in captions)


@pytest.mark.parametrize("arguments", commands("python", words_at_least=4))
def test_python_commands_of_the_documentation(arguments):
    """The command line takes the arguments, and what they name exists."""
    if arguments[0].startswith("benchmarks/"):
        call = [sys.executable, ROOT / arguments[0], "--help"]
        shown = subprocess.run(call, check=True, capture_output=True, text=True).stdout
        assert all(word in shown for word in arguments if word.startswith("--"))
        return
    if arguments[:2] == ("-m", "pip"):
        assert (ROOT / arguments[-1]).exists() and "--dest wheels" in (
            ROOT / "Makefile"
        ).read_text()
        return
    assert arguments[:2] == ("-m", "rotograd_replication")
    taken = parser().parse_args(arguments[2:])
    assert config.load_study(CONFIGS, taken.study).experiments


@pytest.mark.parametrize("arguments", commands("make"))
def test_make_commands_of_the_documentation(unrun, arguments):
    """The Makefile has the target."""
    done = subprocess.run(["make", "-n", *arguments], cwd=unrun, capture_output=True, text=True)
    assert done.returncode == 0 and ".venv" in done.stdout, done.stderr


def test_present_shows_the_runs_that_are_there_and_trains_nothing(tree):
    """A table of some seeds, methods and experiments of a study whose other runs are missing."""
    study, datasets = fake_runs.configuration("paper")
    fake_runs.write(tree / "results" / "paper", study, "paper", "digits", datasets, seeds=2)
    shutil.rmtree(tree / "results/paper/digits/mgda")
    shutil.rmtree(tree / "results/paper/digits/pcgrad/seed1")
    options = ["--config", "study=paper", "present=yes"]
    found = jobs(snakemake(tree, "-n", "tables", "figures", "results", "verdicts", *options))
    total = found.pop("total")
    made = {"aggregate_digits": 1, "table": 4, "figure": 2, "hyperparameters": 1, "verdicts": 1}
    assert found == made | dict.fromkeys(("tables", "figures", "results"), 1)
    assert total == sum(found.values())
    snakemake(tree, "paper_tables/paper/digits.md", *options)
    caption = (tree / "paper_tables/paper/digits.md").read_text()
    assert "n = 1 to 2 seeds" in caption and "every seed of MGDA-UB" in caption
    path = tree / "results/paper/digits/vanilla/seed1/metrics.json"
    path.write_text(
        path.read_text().replace(json.loads(path.read_text())["configuration"], "0" * 16)
    )
    output = snakemake(tree, "paper_tables/paper/digits.md", *options)
    assert "Left out: digits/vanilla (1): " in output
    caption = (tree / "paper_tables/paper/digits.md").read_text()
    assert "seeds 1 to 9 of Vanilla" in caption


def test_status_reads_a_folder_that_another_snakemake_has_locked(tree):
    (tree / ".snakemake" / "locks").mkdir(parents=True)
    (tree / ".snakemake" / "locks" / "0.output.lock").write_text("results/quick/verdicts.json\n")
    quiet = ("--nolock", "--quiet", "all", "--config", "study=quick")
    output = snakemake(tree, "status", *quiet)
    assert "toy_convex: 0 of 4 runs done" in output
    assert re.search(r"quick: \d+ runs are left to train", output)
    assert len(output.splitlines()) < 200 and not (tree / "results").exists()


@pytest.mark.parametrize(
    "option, expected",
    [
        ("study=qiuck", "Did you mean `quick`?"),
        ("stuyd=quick", "Did you mean `study`?"),
        ("device=tpu", "must be auto, cpu or cuda. Found tpu"),
    ],
)
def test_bad_options_are_one_message(unrun, option, expected):
    output = snakemake(unrun, "-n", "--config", option, code=1)
    assert expected in output
    assert "Traceback" not in output


def test_finished_runs_have_no_rule_to_force(tree):
    shutil.copytree(ROOT / "results" / "lite", tree / "results" / "lite")
    forced = ("-n", "--forcerun", "train_digits", "--config", "study=lite")
    output = snakemake(tree, *forced, code=1)
    assert "`train_digits` must name a rule of runs that are not finished." in output
    assert "remove their folders" in output
    shutil.rmtree(tree / "results/lite/digits/vanilla/seed1")
    found = jobs(snakemake(tree, *forced))
    assert found["train_digits"] == found["reuse_stability"] == 1, "and what is a copy of it"


def test_a_seed_that_is_not_a_number_has_no_rule(unrun):
    """An unknown target is named, also among known ones."""
    run = "results/quick/digits/rotograd/seedone/metrics.json"
    output = snakemake(unrun, "-n", "figures/quick/toy.png", run, code=1)
    assert f"No rule to produce {run}" in output


def test_an_empty_mirror_stops_before_anything_is_written(tree):
    (tree / "empty").mkdir()
    target = "data/raw/mnist/archives.json"
    output = snakemake(tree, target, "--config", "study=lite", "mirror=empty", code=1)
    assert "train-images-idx3-ubyte.gz" in output
    assert "Traceback" not in output
    assert not list((tree / "data").rglob("*.gz"))


# Elsewhere than in the digits, those that tables and claims are about. Of the stability experiment
# every rate is a method.
SOME_METHODS = {"single_task", "vanilla", "rotograd"}
SOME_METHODS |= {f"rotograd_{end}" for end in ("50", "75", "subspace")}


@pytest.mark.first
def test_the_quick_study_and_what_an_edit_reruns(tree):
    """What `make quick` runs, made short; then edits, a fresh clone, results of another kind."""
    quick = tree / "configs/studies/quick.yaml"
    study = yaml.safe_load(quick.read_text())
    whole = config.load_study(CONFIGS, "quick").experiments
    for name, experiment in study["experiments"].items():
        if name not in ("digits", "stability"):
            experiment["methods"] = [m for m in whole[name].methods if m in SOME_METHODS]
        is_toy = name.startswith("toy")
        experiment["seeds"] = 2 if name in ("digits", "stability") else 1
        training = experiment.setdefault("training", {})
        training["epochs"] = 30 if is_toy else 1
        if not is_toy:
            training["training_samples"] = 8 if name == "nyuv2" else 128
    quick.write_text(yaml.safe_dump(study, sort_keys=False))
    output = snakemake(tree)
    assert len(output.splitlines()) < 150, "what a person reads"
    tables = {name: (tree / f"paper_tables/quick/{name}.md").read_text() for name in TABLES}
    assert all("RotoGrad" in text and "STAND-IN" in text for text in tables.values())
    for name in FIGURES:
        assert all(
            (tree / f"figures/quick/{name}.{k}").stat().st_size for k in ("csv", "pdf", "png")
        )
    for name, dataset in config.load_study(CONFIGS, "quick").datasets.items():
        for split, samples in dataset.samples:
            (path,) = (tree / f"data/prepared/{name}").glob(f"*/{split}.safetensors")
            with safe_open(path, "np") as file:
                assert file.get_slice("images").get_shape() == [samples, *dataset.shape]

    style = tree / "src/rotograd_replication/paper/figures/_style.py"
    style.write_text(style.read_text() + "\n# words\n")
    assert "Nothing to be done" in snakemake(tree, "-n")
    style.write_text(style.read_text() + "\nLOOK = 'another'\n")
    found = jobs(snakemake(tree, "-n"))
    assert found.pop("total") and set(found) == {"figure", "report", "all"}, "plots, and their page"
    snakemake(tree, "--touch")

    losses = tree / "src/rotograd_replication/tasks/kinds/regression.py"
    ledger = tree / "configs/equivalent_code.yaml"
    written = {path: path.read_text() for path in (losses, ledger)}
    was = sources.digest(losses.parents[2], stages.TRAIN)
    losses.write_text(written[losses] + "\n# words\nNUMBER = 1\n")
    output = snakemake(tree, "-n")
    assert "made by other training code" in output and "train_digits" not in jobs(output)
    assert "train_digits" in jobs(snakemake(tree, "-n", "--config", "stale=retrain"))
    entry = f"was: {was}, same_as: {sources.digest(losses.parents[2], stages.TRAIN)}"
    ledger.write_text(f"{written[ledger]}  - {{{entry}, why: a test, evidence: none}}\n")
    output = snakemake(tree, "-n")
    assert "Stale: " not in output and "table" in jobs(output)
    for path, text in written.items():
        path.write_text(text)

    toy = tree / "configs/experiments/toy_nonconvex.yaml"
    toy.write_text(toy.read_text().replace("5.0e-2", "4.0e-2"))
    datasets = tree / "configs/datasets.yaml"
    text = datasets.read_text()
    datasets.write_text(text.replace("canvas:\n      value: 36", "canvas:\n      value: 37"))
    found = jobs(snakemake(tree, "-n"))
    trained = {rule for rule in found if rule.startswith("train")}
    assert trained == {"train_toy_nonconvex", "train_digits", "train_stability"}
    assert "prepare_mnist_standin" in found and "fetch" not in found
    toy.write_text(toy.read_text().replace("4.0e-2", "5.0e-2"))
    datasets.write_text(text.replace("train: {value: 3000", "train: {value: 3001"))
    found = jobs(snakemake(tree, "-n"))
    assert {"fetch", "prepare_cifar10_standin", "train_cifar10"} <= set(found)
    assert "train_digits" not in found
    datasets.write_text(text)

    # A fresh clone with committed results: no intermediates, no metadata, and nothing retrains.
    for folder in (".snakemake", "logs", "data"):
        shutil.rmtree(tree / folder)
    for path in [*(tree / "results").rglob("*.safetensors"), *(tree / "results").rglob("run.json")]:
        path.unlink()
    shutil.rmtree(tree / "paper_tables")
    found = jobs(snakemake(tree, "-n"))
    assert not [rule for rule in found if rule.startswith(("train", "fetch"))]
    assert found["aggregate_digits"] == 1, "once, as nobody knows what the files are made of"
    again = {f"paper_tables/quick/{name}.md": tables[name] for name in ("digits", "nyuv2")}
    snakemake(tree, *again)
    assert all((tree / file).read_text() == text for file, text in again.items())

    # Runs of another configuration are trained again, and no others.
    for name in ("digits", "stability"):
        study["experiments"][name]["training"]["training_samples"] = 100
    quick.write_text(yaml.safe_dump(study, sort_keys=False))
    output = snakemake(tree, "-n")
    assert "training.training_samples is 100, was 128" in output
    assert {rule for rule in jobs(output) if rule.startswith("train")} == {
        "train_digits",
        "train_stability",
    }
