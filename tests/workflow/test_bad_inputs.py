"""Malformed configurations, archives, results and command lines: one message, nothing lost.

Every case runs a verb as the command line does. It must end with an exit code that is not 0 and
one message that names the thing, without a traceback, and leave every file as it was.
"""

import gzip
import shutil
import sys

import pytest

from rotograd_replication import cli
from rotograd_replication.files import atomic as records
from tests.helpers import fake_runs
from tests.helpers.paths import CONFIGS

STUDY, EXPERIMENT = "quick", "digits"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of one experiment and what `aggregate` makes of them."""
    folder = tmp_path_factory.mktemp("runs")
    study, datasets = fake_runs.configuration(STUDY)
    fake_runs.write(folder, study, STUDY, EXPERIMENT, datasets).aggregate(
        study, STUDY, EXPERIMENT, datasets
    )
    return folder


def content(folder):
    """Every file below a folder, hashed."""
    return {p.relative_to(folder): records.sha256(p) for p in folder.rglob("*") if p.is_file()}


def refused(folder, arguments, caplog, capsys, monkeypatch):
    """The one message of a command that must fail and change nothing."""
    before = content(folder)
    monkeypatch.setattr(sys, "argv", ["rotograd-replication", *map(str, arguments)])
    monkeypatch.chdir(folder)
    caplog.clear()
    try:
        code = cli.main()
    except SystemExit as end:  # argparse
        code, message = end.code, capsys.readouterr().err.strip().splitlines()[-1]
    else:
        errors = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
        assert len(errors) == 1, errors
        message = errors[0]
    assert code not in (0, None)
    assert "Traceback" not in message and len(message) > 30, message
    assert content(folder) == before, "files changed"
    return message


@pytest.fixture
def command(caplog, capsys, monkeypatch):
    caplog.set_level("INFO")
    return lambda folder, arguments: refused(folder, arguments, caplog, capsys, monkeypatch)


# Configurations: file, what it becomes (or what is replaced by what), part of the message.
QUICK, METHODS, DIGITS = "studies/quick.yaml", "methods.yaml", "experiments/digits.yaml"
DATASETS, RADAM = "datasets.yaml", "name: {value: radam,"
CONFIGURATIONS = [
    (QUICK, "", "must be a mapping. Found NoneType"),
    (QUICK, "- a\n- b\n", "must be a mapping. Found list"),
    (QUICK, "quick", "must be a mapping. Found str"),
    (QUICK, "title: [", "must be YAML"),
    (QUICK, "title:\n\tx: 1\n", "must be YAML"),
    (QUICK, "title: !!python/object:os.system x\n", "must be YAML"),
    (QUICK, "title: 2020-13-45\n", "must be YAML"),
    (QUICK, b"title: \xff\xfe\n", "must be YAML"),
    (QUICK, "a: &a [*a]\n", "must have at most 100000 entries"),
    (QUICK, "a: &a {b: *a}\n", "must have at most 100000 entries"),
    (QUICK, "title: A\ntitle: B\n", "`title` twice"),
    (QUICK, ("threads: 1", "threads: 1\nthreads: 2"), "`threads` twice"),
    (QUICK, "1: one\n", "must be text. Found 1"),
    (QUICK, "no: one\n", "must be text. Found False"),
    (QUICK, ("title: Quick", "titel: Quick"), "Did you mean `title`?"),
    (QUICK, ("title: Quick\n", ""), "`title`"),
    (QUICK, ("threads: 1", "threads: 0"), "`threads`"),
    (QUICK, ("threads: 1", "threads: many"), "`threads`"),
    (QUICK, ("device: cpu", "device: tpu"), "`device`"),
    (QUICK, ("batch: experiment", "batch: all"), "`batch`"),
    (QUICK, ("  stability:", "  stabilityy:"), "Did you mean `stability`?"),
    (QUICK, ("  stability:", "  ../studies/quick:"), "is not one of"),
    (QUICK, ("  stability: *digits", "  stability: 3"), "must be a mapping. Found 3"),
    (QUICK, ("dataset: mnist_standin", "dataset: minst"), "unknown dataset `minst`"),
    (QUICK, ("dataset: mnist_standin", "dataset: [mnist]"), "unknown dataset"),
    (QUICK, ("cifar10: [cifar10]", "cifar11: [cifar10]"), "Did you mean `cifar10`?"),
    (QUICK, ("cifar10: [cifar10]", "cifar10: [cifar11]"), "is not an experiment"),
    (QUICK, ("samples: 3000", "samples: -3000"), "`training.training_samples"),
    (QUICK, ("samples: 3000", "samples: .inf"), "`training.training_samples"),
    (METHODS, "vanilla: 3\n", "must be a mapping. Found 3"),
    (METHODS, "[]\n", "must be a mapping. Found list"),
    (METHODS, ("module: vanilla", "module: vanila"), "vanila"),
    (METHODS, ("module: vanilla", "like: vanilla\n  module: vanilla"), "lead to itself"),
    (METHODS, ("module: vanilla", "like: [vanilla]\n  module: vanilla"), "Unknown method"),
    (METHODS, ("module: vanilla", "module: vanilla\n  colr: blue"), "is not a key"),
    (DIGITS, ("  - vanilla\n", "  - vanila\n"), "Did you mean `vanilla`?"),
    (DIGITS, ("  - vanilla\n", "  - [vanilla]\n"), "Unknown method"),
    (DIGITS, ("methods:\n", "methods: vanilla\nothers:\n"), "`methods` must be a list"),
    (DIGITS, ("module: lenet", "module: lenett"), "Did you mean `lenet`?"),
    (DIGITS, (RADAM, "name: {value: rad,"), "optimizer.name"),
    (DIGITS, ("value: 1.0, source", "value: .nan, source"), "decay"),
    (DIGITS, ("value: 0.9999,", "value: 1.5,"), "decay"),
    (DIGITS, ('source: "choice: grey images"', 'source: "a friend"'), "source"),
    (DIGITS, ("in_channels: {value: 1,", "in_chanels: {value: 1,"), "`in_chanels`"),
    (DIGITS, ("in_channels: {value: 1,", "in_channels: {value: one,"), "`in_channels`"),
    (DATASETS, ("sha256: 440f", "sha256: 44"), "sha256"),
    (DATASETS, ("module: digits", "module: digit"), "Did you mean `digits`?"),
    (DATASETS, ("kind: classification", "kind: sorting"), "kind"),
    (DATASETS, ("like: mnist\n", "like: minst\n"), "Did you mean `mnist`?"),
    (DIGITS, ("in_channels: {value: 1,", "in_channels: {value: 3,"), "inputs of shape [1, 28, 28]"),
    (DATASETS, ("shape: [3, 48, 64]", "shape: [3, 96, 64]"), "shape [3, 96, 64]"),
]


@pytest.mark.parametrize(("file", "change", "expected"), CONFIGURATIONS)
def test_a_configuration(tmp_path, command, file, change, expected):
    folder = shutil.copytree(CONFIGS, tmp_path / "configs")
    path = folder / file
    if isinstance(change, tuple):
        assert change[0] in path.read_text()
        path.write_text(path.read_text().replace(*change))
    else:
        path.write_bytes(change if isinstance(change, bytes) else change.encode())
    assert expected in command(tmp_path, ["--configs", folder, "check", "--study", STUDY])


TRAIN = ["train", "--study", STUDY, "--experiment", EXPERIMENT, "--code", "c", "--train", "t"]
TRAIN += ["--val", "v", "--model", "m", "--history", "h", "--record", "r", "--checkpoint", "k"]
TABLE = ["table", "--study", STUDY, "--name", "digits", "--reported", "reported.csv"]
TABLE += ["--csv", "o.csv", "--markdown", "o.md", "--latex", "o.tex"]
AGGREGATED = ["--metrics", "digits.csv", "--history", "digits_history.csv"]
AGGREGATED += ["--provenance", "digits.json"]
PREPARE = ["--archives", "a.json", "--train", "t", "--val", "v", "--test", "s"]
COMMANDS = [
    ([], "VERB"),
    (["chek", "--study", "quick"], "invalid choice"),
    (["check"], "--study"),
    (["check", "--study", "qiuck"], "Did you mean `quick`?"),
    (["check", "--study", "../studies"], "is not one of"),
    (["check", "--study", "quick", "--force"], "--force"),
    (["--configs", "nowhere", "check", "--study", "quick"], "nowhere"),
    (["plan", "--study", "quick", "--device", "tpu"], "tpu"),
    (["plan", "--study", "quick", "--seconds", "soon"], "soon"),
    (["fetch", "--dataset", "minst", "--out", "x/archives.json"], "Did you mean `mnist`?"),
    (["prepare", "--dataset", "minst", *PREPARE], "Did you mean `mnist`?"),
    (["prepare", "--dataset", "mnist", *PREPARE], "Run `fetch` first"),
    ([*TRAIN, "--method", "vanilla", "--seed", "-1", "--digest", "d"], "--seed"),
    ([*TRAIN, "--method", "vanilla", "--seed", "one", "--digest", "d"], "whole number"),
    ([*TRAIN, "--method", "vanilla", "--seed", "0", "1", "--digest", "d"], "equally often"),
    ([*TRAIN, "--method", "vanila", "--seed", "0", "--digest", "d"], "Did you mean `vanilla`?"),
    ([*TRAIN, "--method", "vanilla", "--seed", "0", "--digest", "d"], "Start snakemake again"),
    ([*TABLE, *AGGREGATED, "--metrics", "a", "b"], "equally often"),
    ([*TABLE, *AGGREGATED], "digits.json"),
    ([*TABLE, *AGGREGATED, "--study", "qiuck"], "Did you mean `quick`?"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "expected"), COMMANDS)
def test_a_command_line(tmp_path, command, arguments, expected):
    assert expected in command(tmp_path, arguments)


def spoil(path, change):
    raw = path.read_bytes()
    path.write_bytes(change(raw) if callable(change) else change.encode())


# File of the results -> what it becomes, part of the message of `table`.
RESULTS = [
    ("digits.json", "", "must be JSON"),
    ("digits.json", "{", "must be JSON"),
    ("digits.json", "[]", "must name experiment, runs and data"),
    ("digits.json", "{}", "must name experiment, runs and data"),
    ("digits.json", lambda raw: b"\xff" + raw, "must be JSON"),
    ("digits.csv", "", "must be a CSV table"),
    ("digits.csv", "a,b\n1,2\n", "must have columns"),
    ("digits.csv", "a\n1,2\n3,4,5\n", "must be a CSV table"),
    ("digits.csv", lambda raw: raw.replace(b"delta", b"gain"), "must have columns delta"),
    ("digits.csv", lambda raw: b"\xff\xfe\x00" + raw, "must be a CSV table"),
    ("reported.csv", "", "must be a CSV table"),
    ("reported.csv", "table\n1\n", "must have columns"),
]


@pytest.mark.parametrize(("file", "change", "expected"), RESULTS)
def test_a_results_file(tmp_path, runs, command, file, change, expected):
    folder = shutil.copytree(runs, tmp_path / "results")
    shutil.copy(CONFIGS / "paper" / "reported.csv", folder)
    spoil(folder / file, change)
    message = command(folder, [*TABLE, *AGGREGATED])
    assert expected in message and file in message


def test_the_reported_numbers(tmp_path, runs, command):
    folder = shutil.copytree(runs, tmp_path / "results")
    shutil.copy(CONFIGS / "paper" / "reported.csv", folder)
    spoil(folder / "reported.csv", lambda raw: raw.replace(b",2.58,", b",much,"))
    verdict = ["verdict", "--study", STUDY, "--reported", "reported.csv", "--out", "verdicts.json"]
    message = command(folder, [*verdict, *AGGREGATED])
    assert "`value`" in message and "Restore it from the repository" in message


RECORDS = [
    ("", "must be JSON"),
    ("null", "must be a mapping"),
    ("{}", "Missing: study"),
    (lambda raw: raw.replace(b'"study": "quick"', b'"study": "paper"'), "must be of study"),
    (lambda raw: raw.replace(b'"metrics"', b'"metric"'), "Missing: metrics"),
    (lambda raw: raw[: len(raw) // 2], "must be JSON"),
]


@pytest.mark.parametrize(("change", "expected"), RECORDS)
def test_a_run_s_record(tmp_path, runs, command, change, expected):
    folder = shutil.copytree(runs, tmp_path / "results")
    metrics = sorted(folder.rglob("metrics.json"))
    spoil(metrics[0], change)
    arguments = ["aggregate", "--study", STUDY, "--experiment", EXPERIMENT, "--metrics", *metrics]
    arguments += ["--history", *(path.with_name("history.csv") for path in metrics)]
    for name in ("metrics", "history", "provenance"):
        arguments += [f"--out-{name}", f"new_{name}"]
    message = command(folder, arguments)
    assert expected in message and "Remove that run's folder" in message


# `archives.json` and the archives it names -> part of the message of `prepare`.
LABELS = "train-labels-idx1-ubyte.gz"
ARCHIVES = [
    ("archives.json", "{", "must be JSON"),
    ("archives.json", "[]", "must be what `fetch` writes"),
    ("archives.json", '{"dataset": "svhn", "label": "x", "archives": {}}', "must be of mnist"),
    ("archives.json", '{"dataset": "mnist", "label": "x", "archives": {"a.gz": "0"}}', "a.gz"),
    (LABELS, lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]), "must have sha256"),
    (LABELS, "", "must have sha256"),
]


@pytest.mark.parametrize(("file", "change", "expected"), ARCHIVES)
def test_an_archive(tmp_path, command, file, change, expected):
    (tmp_path / LABELS).write_bytes(gzip.compress(b"labels"))
    known = {LABELS: records.sha256(tmp_path / LABELS)}
    records.write_json(
        tmp_path / "archives.json", {"dataset": "mnist", "label": "MNIST", "archives": known}
    )
    spoil(tmp_path / file, change)
    arguments = ["prepare", "--dataset", "mnist", "--archives", "archives.json"]
    for split in ("train", "val", "test"):
        arguments += [f"--{split}", f"new/{split}.safetensors"]
    assert expected in command(tmp_path, arguments)
