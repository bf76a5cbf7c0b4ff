"""Tables, figures and verdicts of some of a study's runs: drawn, and said to be some."""

import dataclasses
import json

import pandas as pd
import pytest
from matplotlib.figure import Figure

from rotograd_replication.claims import load as claims
from rotograd_replication.claims import verdict
from rotograd_replication.paper import caption, figure, table, words
from tests.helpers import drawings, fake_runs

NAME = "quick"
REPORTED = fake_runs.CONFIGS / "paper" / "reported.csv"
# Which runs are there, by method and seed.
PARTS = {
    "single task alone": lambda method, seed: method == "single_task",
    "one method": lambda method, seed: method == "vanilla",
    "no single task": lambda method, seed: "rotograd" in method,
    "no common seed": lambda method, seed: (method == "single_task") == (seed == 0),
}


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    study, datasets = fake_runs.configuration(NAME)
    return study, {e: fake_runs.write(folder, study, NAME, e, datasets) for e in study.experiments}


@pytest.fixture(scope="module", params=PARTS)
def part(request, every, tmp_path_factory):
    """The results of the experiments that have runs, and an empty folder."""
    study, files = every
    folder = tmp_path_factory.mktemp("part")
    results = {}
    for name, runs in files.items():
        kept = [
            pair
            for pair in zip(runs.metrics, runs.histories, strict=True)
            if PARTS[request.param](pair[0].parts[-3], int(pair[0].parts[-2].removeprefix("seed")))
        ]
        if not kept:
            continue
        metrics, histories = map(list, zip(*kept, strict=True))
        outputs = (folder / f"{name}{end}" for end in (".csv", "_history.csv", ".json"))
        some = fake_runs.Files(metrics, histories, *outputs, runs.choices)
        results[name] = some.aggregate(study, NAME, name, study.datasets)
    return request.param, study, results, folder


def outputs(study_outputs, results):
    """Output -> the experiments that it is of, and the results of those that have runs."""
    for name, experiments in study_outputs.items():
        if some := [results[e] for e in experiments if e in results]:
            yield name, experiments, some


@pytest.mark.filterwarnings("error")
def test_every_table_says_what_it_lacks(part):
    which, study, results, folder = part
    for name, experiments, some in outputs(study.tables, results):
        files = [folder / f"{name}_table.{end}" for end in ("csv", "md", "tex")]
        table.run(study, NAME, name, some, fake_runs.paper(), *files)
        text = files[1].read_text()
        for experiment in experiments:
            assert f"Not run, {experiment}: " in text or f"Not run: {experiment}." in text
        assert ("None of the runs has a row" in text) == pd.read_csv(files[0]).empty
        has_single = any("single_task" in found.methods for found in some)
        assert ("single-task row" in text) <= has_single
        assert "single-task F1 is 0" not in text
    digits = folder / "digits_table.md"
    if digits.exists():
        reason = {
            "one method": "digits: Δ is undefined: there is no single-task run.",
            "no single task": "digits: Δ is undefined: there is no single-task run.",
            "no common seed": "digits: Δ is undefined for seed 1: there is no single-task run.",
        }
        assert reason.get(which, "") in digits.read_text()


@pytest.mark.filterwarnings("error")
def test_every_figure_is_drawn(part, monkeypatch):
    _, study, results, folder = part
    words = []
    monkeypatch.setattr(figure._style, "nothing", lambda axes, why="no runs": words.append(why))
    monkeypatch.setattr(Figure, "savefig", drawings.sketch)
    for name, _, some in outputs(study.figures, results):
        files = [folder / f"{name}_figure.{end}" for end in ("csv", "pdf", "png")]
        words.clear()
        figure.run(study, NAME, name, some, study.datasets, *files)
        empty = not files[0].read_text().strip() or pd.read_csv(files[0]).empty
        assert bool(words) >= empty, name


def test_verdicts_name_the_missing_runs(part):
    which, study, results, folder = part
    judged, reference = claims.load(fake_runs.CONFIGS)
    out = folder / "verdicts.json"
    verdict.run(study, NAME, judged, reference, list(results.values()), REPORTED, out)
    every = [t for claim in json.loads(out.read_text())["claims"] for t in claim["tests"]]
    tests = {test["id"]: test for test in every}
    hurt = tests["digits_vanilla_hurt"]
    if which == "one method":
        assert hurt["verdict"] == "not run"
        assert hurt["reason"] == "`digits` has no runs of `single_task`: Δ is undefined."
    if which == "no common seed":
        assert hurt["n"] == 0


def test_a_whole_study_lacks_nothing(every, tmp_path):
    study, files = every
    runs = dataclasses.replace(
        files["digits"], **{k: tmp_path / k for k in ("table", "history", "provenance")}
    )
    found = runs.aggregate(study, NAME, "digits", study.datasets)
    assert "Not run" not in caption.caption(NAME, study, ["digits"], [found])


@pytest.mark.parametrize(
    ("seeds", "said"),
    [([1], "seed 1"), ([0, 1], "seeds 0, 1"), ([9, 3, 2, 0, 4], "seeds 0, 2 to 4, 9")],
)
def test_seeds_in_words(seeds, said):
    assert words.seeds(seeds) == said
