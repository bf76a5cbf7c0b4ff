"""Every committed output is what the committed runs, configuration and code give, to the byte.

Of a study, all runs may be committed or some: then its outputs are those of `present=yes`.
"""

import difflib
import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure

from rotograd_replication import cli
from rotograd_replication.config import load as config
from rotograd_replication.config import stages
from rotograd_replication.config.settings import run_digest
from rotograd_replication.files import atomic as records
from rotograd_replication.runtime import provenance
from tests.helpers import drawings
from tests.helpers.paths import CONFIGS, ROOT

REPORTED = CONFIGS / "paper" / "reported.csv"
FOLDERS = ["results", "paper_tables", "figures"]
# Drawn from the CSV beside them, by fonts and libraries of the machine.
DRAWN = (".pdf", ".png")
AGGREGATE = {".csv": "out-metrics", "_history.csv": "out-history", ".json": "out-provenance"}
TABLE = {"csv": "csv", "markdown": "md", "latex": "tex"}
# Of `lite`: trains in seconds.
RETRAINED = "toy_nonconvex"


def committed():
    """Study -> its committed outputs, drawings apart; study -> its committed runs' records."""
    call = ["git", "-C", ROOT, "ls-files", "--", *FOLDERS]
    listed = subprocess.run(call, check=True, capture_output=True, text=True).stdout
    outputs, runs = {}, {}
    for path in map(Path, listed.splitlines()):
        if len(path.parts) == 3 and path.suffix not in DRAWN:
            outputs.setdefault(path.parts[1], []).append(path)
        elif path.name == "metrics.json":
            runs.setdefault(path.parts[1], set()).add(path)
    return outputs, runs


def names(study, folder, suffix):
    """The outputs of one form: their names without suffix."""
    paths = COMMITTED[study]
    return [p.stem for p in paths if p.parts[0] == folder and p.suffix == suffix]


def run_records(study, experiment):
    """The committed records of an experiment's runs, in the configured order."""
    asked = load(study).experiments[experiment]
    folder = Path("results", study, experiment)
    paths = (
        folder / method / f"seed{seed}" / "metrics.json"
        for method in asked.methods
        for seed in range(asked.seeds.value)
    )
    return [path for path in paths if path in RUNS.get(study, ())]


COMMITTED, RUNS = committed() if (ROOT / ".git").exists() else ({}, {})
AGGREGATED = {s: [n for n in names(s, "results", ".json") if n != "verdicts"] for s in COMMITTED}
TABLES = [(s, name) for s in COMMITTED for name in names(s, "paper_tables", ".csv")]
CURVES = [(s, name) for s in COMMITTED for name in names(s, "figures", ".csv")]


@functools.cache
def load(study):
    return config.load_study(CONFIGS, study)


def verb(*words):
    """One verb of the command line, in this process."""
    arguments = cli.parser().parse_args([str(word) for word in words])
    arguments.verb(arguments)


def gathered(study, experiments):
    """The three files of each experiment that has runs, as a verb takes them."""
    experiments = [e for e in experiments if e in AGGREGATED[study]]
    for end, option in AGGREGATE.items():
        yield option.replace("out-", "--")
        yield from (ROOT / "results" / study / (e + end) for e in experiments)


def regenerate(study, folder, outputs, *words):
    """Run a verb whose `outputs`, option -> committed path, must come out as they are.

    A committed output that was made under another configuration or code fails with the remedy.
    """
    __tracebackhide__ = True
    places = {option: ROOT / place for option, place in outputs.items()}
    fresh = {option: folder / place.name for option, place in places.items()}
    targets = " ".join(str(place) for place in outputs.values())
    remedy = f"Make them again and commit them: snakemake {targets} --config study={study}"
    written = [word for option, path in fresh.items() for word in (f"--{option}", path)]
    try:
        verb(*words, *written)
    except (ValueError, OSError) as error:
        pytest.fail(f"{targets} cannot be made from what is committed: {error}\n{remedy}")
    for option, place in places.items():
        if fresh[option].suffix in DRAWN or fresh[option].read_bytes() == place.read_bytes():
            continue
        texts = [path.read_text().splitlines() for path in (place, fresh[option])]
        lines = [line for line in difflib.unified_diff(*texts, lineterm="", n=0)][2:]
        shown = "\n".join(line[:300] for line in lines[:10])
        pytest.fail(f"`{outputs[option]}` is stale, {len(lines)} lines:\n{shown}\n{remedy}")


def choices(study, *experiments):
    """What tuning chose for some experiments, as a verb takes it."""
    folders = (ROOT / "results" / study / e / "tuning" for e in experiments)
    return ["--tuned", *(path for folder in folders for path in sorted(folder.glob("*.json")))]


@pytest.mark.parametrize(("study", "name"), [(s, e) for s in COMMITTED for e in AGGREGATED[s]])
def test_results_are_those_of_the_runs(tmp_path, study, name):
    outputs = {option: Path("results", study, name + end) for end, option in AGGREGATE.items()}
    runs = [ROOT / path.parent for path in run_records(study, name)]
    words = ["aggregate", "--study", study, "--experiment", name]
    words += ["--metrics", *(run / "metrics.json" for run in runs)]
    words += ["--history", *(run / "history.csv" for run in runs), *choices(study, name)]
    regenerate(study, tmp_path, outputs, *words)


@pytest.mark.parametrize(("study", "name"), TABLES)
def test_tables(tmp_path, study, name):
    outputs = {o: Path("paper_tables", study, f"{name}.{end}") for o, end in TABLE.items()}
    words = ["table", "--study", study, "--name", name, *gathered(study, load(study).tables[name])]
    words += ["--reported", REPORTED, "--code", stages.code(*stages.TRAIN)]
    regenerate(study, tmp_path, outputs, *words)


@pytest.mark.parametrize(("study", "name"), CURVES)
def test_figures(tmp_path, monkeypatch, study, name):
    """Their numbers. One is drawn, as the workflow draws it; `test_figures` draws the others."""
    if (study, name) != CURVES[-1]:
        monkeypatch.setattr(Figure, "savefig", drawings.touch)
    outputs = {end: Path("figures", study, f"{name}.{end}") for end in ("csv", "pdf", "png")}
    words = ["figure", "--study", study, "--name", name]
    words += gathered(study, load(study).figures[name])
    regenerate(study, tmp_path, outputs, *words, "--code", stages.code(*stages.TRAIN))


@pytest.mark.parametrize("study", COMMITTED)
def test_hyperparameters(tmp_path, study):
    outputs = {"out": Path("paper_tables", study, "hyperparameters.md")}
    words = ["hyperparameters", "--study", study, *choices(study, *load(study).experiments)]
    regenerate(study, tmp_path, outputs, *words)


@pytest.mark.parametrize(
    "study", [s for s in COMMITTED if "verdicts" in names(s, "results", ".json")]
)
def test_verdicts(tmp_path, study):
    outputs = {"out": Path("results", study, "verdicts.json")}
    words = ["verdict", "--study", study, *gathered(study, load(study).experiments)]
    regenerate(study, tmp_path, outputs, *words, "--reported", REPORTED)


@pytest.mark.parametrize("study", COMMITTED)
def test_the_outputs_are_those_that_the_committed_runs_have(study):
    asked = load(study)
    records = {e: run_records(study, e) for e in asked.experiments}
    have = {e for e, paths in records.items() if paths}
    tables, figures = (
        [name for name, experiments in outputs.items() if have & set(experiments)]
        for outputs in (asked.tables, asked.figures)
    )
    made = [f"results/{study}/{e}{end}" for e in have for end in AGGREGATE]
    made += [f"paper_tables/{study}/{t}.{end}" for t in tables for end in TABLE.values()]
    made += [f"figures/{study}/{f}.csv" for f in figures]
    made += [f"paper_tables/{study}/hyperparameters.md", f"results/{study}/verdicts.json"]
    present = {str(path) for path in COMMITTED[study]}
    left, lacking = sorted(present - set(made)), sorted(set(made) - present)
    assert not left, f"`{study}` makes {left} no more: remove them with `git rm`."
    targets = "results tables figures verdicts"
    remedy = f"snakemake --config study={study} present=yes -- {targets}"
    assert not lacking, f"{lacking} of `{study}` must be committed: {remedy}"
    unknown = RUNS.get(study, set()) - {path for paths in records.values() for path in paths}
    assert not unknown, f"`{study}` asks for no such runs: git rm {' '.join(map(str, unknown))}"


def test_toy_models_train_to_the_committed_bytes(tmp_path):
    """The first seed of two methods, where processor, versions and settings are the recorded ones.

    The training code need not be: what trains other models is found here.
    """
    study, experiment = load("lite"), RETRAINED
    chosen = study.experiments[experiment]
    place = ROOT / "results" / "lite" / experiment
    wanted = {
        m: records.read_json(place / m / "seed0/metrics.json") for m in list(chosen.methods)[:2]
    }
    for method, record in wanted.items():
        present = {"configuration": run_digest(study, experiment, method)}
        present |= {"device": provenance.hardware(torch.device("cpu")), "threads": study.threads}
        present |= {"processor": provenance.processor(), "versions": provenance.versions()}
        for key, value in present.items():
            if record.get(key) != value:
                found = f"{key} {record.get(key)}, here it is {value}"
                pytest.skip(f"{experiment}/{method} was trained with {found}")
    archives = tmp_path / "archives.json"
    splits = {split: tmp_path / f"{split}.safetensors" for split in ("train", "val", "test")}
    verb("fetch", "--dataset", chosen.dataset, "--out", archives)
    verb(
        *("prepare", "--dataset", chosen.dataset, "--archives", archives),
        *(word for split, path in splits.items() for word in (f"--{split}", path)),
    )
    words = ["train", "--study", "lite", "--device", "cpu", "--experiment", experiment]
    words += ["--train", splits["train"], "--val", splits["val"], "--code", "retrained"]
    words += ["--method", *wanted, "--seed", *(0 for _ in wanted)]
    words += ["--digest", *(record["configuration"] for record in wanted.values())]
    for option in ("checkpoint", "model", "history", "record"):
        words += [f"--{option}", *(tmp_path / method / option for method in wanted)]
    # In a process of its own, whose threads and memory are as training sets them.
    call = [sys.executable, "-m", "rotograd_replication", *map(str, words)]
    subprocess.run(call, check=True, env=os.environ | {"PYTHONPATH": str(ROOT / "src")})
    found = {method: records.read_json(tmp_path / method / "record") for method in wanted}
    models = {method: record["model"] for method, record in found.items()}
    assert models == {method: record["model"] for method, record in wanted.items()}, (
        "The present code trains other models than those committed. If it should: "
        "snakemake --config study=lite stale=retrain; commit its outputs."
    )


def test_the_readme_shows_the_committed_table():
    """Table and caption of `desk`, to the letter."""
    _, table = (ROOT / "paper_tables/desk/cifar10.md").read_text().split("\n\n", 1)
    assert table.strip() in (ROOT / "README.md").read_text(), (
        "README.md must show paper_tables/desk/cifar10.md as it is. Copy it there."
    )
