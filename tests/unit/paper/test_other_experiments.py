"""Every table and figure with every experiment: refused before any job, or really made."""

import dataclasses
import functools
import io

import pandas as pd
import pytest

from rotograd_replication import plugins
from rotograd_replication.config import needs
from rotograd_replication.config.yaml_files import ConfigurationError
from rotograd_replication.paper import table
from rotograd_replication.paper.figures import _style
from tests.helpers import fake_runs

NAME = "quick"
OUTPUTS = [(p, o) for p in ("tables", "figures") for o in plugins.names(p)]
STUDY, DATASETS = fake_runs.configuration(NAME)
# What no title or caption may say of another experiment.
THEIRS = {
    "CIFAR10": ["cifar10"],
    "CelebA": ["celeba_conv", "celeba_resnet"],
    "NYUv2": ["nyuv2"],
    "MNIST": ["digits", "stability"],
    "SVHN": ["digits_svhn"],
}
# Output -> the experiments that it takes alone; `tuning` of those that are tuned.
JOINT = ["toy_convex", "toy_nonconvex", "toy_official", "digits", "stability", "digits_svhn"]
JOINT += ["cifar10", "celeba_conv", "celeba_resnet", "nyuv2"]
SINGLE = ["digits", "digits_svhn", "cifar10", "nyuv2"]
TAKES = {
    ("tables", "celeba"): ["cifar10", "celeba_conv", "celeba_resnet"],
    ("tables", "celeba_batches"): ["cifar10", "celeba_conv", "celeba_resnet"],
    ("tables", "cifar10"): SINGLE,
    ("tables", "cifar10_batches"): ["cifar10"],
    ("tables", "digits"): ["digits", "stability", "digits_svhn"],
    ("tables", "digits_batches"): ["digits", "stability", "digits_svhn"],
    ("tables", "nyuv2"): ["nyuv2"],
    ("tables", "nyuv2_global"): ["nyuv2"],
    ("tables", "rotations"): JOINT,
    ("tables", "selection"): JOINT,
    ("tables", "tasks"): JOINT,
    ("figures", "convergence"): JOINT,
    ("figures", "cosine"): JOINT,
    ("figures", "improvement"): SINGLE,
    ("figures", "stability"): ["stability"],
    ("figures", "stability_tasks"): ["stability"],
    ("figures", "toy"): ["toy_convex", "toy_nonconvex", "toy_official"],
    ("figures", "tuning"): ["toy_nonconvex"],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return {
        name: fake_runs.write(folder, STUDY, NAME, name, DATASETS).aggregate(
            STUDY, NAME, name, DATASETS
        )
        for name in STUDY.experiments
    }


def study_with(package, output, experiments, whole=STUDY):
    """The study with one output, of other experiments."""
    others = {"tables": {}, "figures": {}} | {package: {output: experiments}}
    return whole.model_copy(update=others)


def accepted(package, output, experiments, whole=STUDY):
    try:
        needs.check(study_with(package, output, experiments, whole), "studies/quick.yaml")
    except ConfigurationError as error:
        text = str(error)
        assert text.startswith(f"studies/quick.yaml: `{output}` of {package}"), text
        assert " must have " in text and "Found " in text and text.count("\n") == 0
        return False
    return True


def made(package, output, experiments, results, folder, whole=STUDY):
    """Make it; its numbers, the text that it shows, and of each panel: has it data, or words?"""
    study = study_with(package, output, experiments, whole)
    given = [results[e] for e in experiments]
    files = [folder / f"made.{end}" for end in ("csv", "md", "tex")]
    if package == "tables":
        table.run(study, NAME, output, given, fake_runs.paper(), *files)
        text = files[1].read_text()
        return pd.read_csv(files[0]), text.partition("Study:")[0] + text.partition("Median")[2], []
    with _style.context():
        by_name = {found.name: found for found in given}
        drawing, numbers = plugins.load("figures", output).build(by_name, study, DATASETS)
        if len(drawing.axes) <= 16:  # more take a minute to lay out, and are drawn alike
            drawing.savefig(io.BytesIO(), dpi=20, format="png")
    panels = [axes for axes in drawing.axes if axes.axison]
    text = " ".join(t.get_text() for axes in panels for t in [axes.title, *axes.texts])
    return numbers, text, [(axes.has_data(), bool(axes.texts)) for axes in panels]


@pytest.fixture(scope="module")
def once(results, tmp_path_factory):
    """`made` of some experiments of the study, no output twice."""
    folder = tmp_path_factory.mktemp("made")
    return functools.cache(
        lambda package, output, *experiments: made(package, output, experiments, results, folder)
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("experiment", STUDY.experiments)
@pytest.mark.parametrize(("package", "output"), OUTPUTS)
def test_with_every_experiment(package, output, experiment, once):
    takes = accepted(package, output, [experiment])
    assert takes == (experiment in TAKES[package, output])
    if not takes:
        return
    numbers, text, panels = once(package, output, experiment)
    assert len(numbers)
    assert "no runs" not in text and all(data for data, _ in panels)
    for word, of in THEIRS.items():
        assert word not in text or experiment in of, text


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("package", "output"), OUTPUTS)
def test_with_two_at_once(package, output, once):
    """None hides another; or more than one is refused."""
    two = list(dict.fromkeys((TAKES[package, output][0], TAKES[package, output][-1])))
    if len(two) > 1 and not accepted(package, output, two):
        assert needs.of(package, output).experiments == 1
        return
    numbers, _, _ = once(package, output, *two)
    alone = [once(package, output, experiment)[0] for experiment in two]
    assert len(numbers) >= sum(map(len, alone))


@pytest.mark.parametrize(("package", "output"), OUTPUTS)
def test_how_many_experiments(package, output):
    first = TAKES[package, output][0]
    assert not accepted(package, output, [])
    assert not accepted(package, output, [first, first])


# Experiment -> methods that a study may leave out, and what is then refused.
WITHOUT = {
    ("toy_convex", "vanilla"): [],
    ("toy_convex", "rotograd"): ["rotations"],
    ("stability", "vanilla"): [],
    ("stability", "rotograd_lr_1e-5"): [],
    ("cifar10", "single_task"): ["cifar10", "cifar10_batches", "improvement"],
    ("cifar10", "vanilla"): [],
    ("cifar10", "rotograd"): [],
    ("celeba_conv", "vanilla"): [],
    ("digits", "single_task"): ["cifar10", "improvement"],
}


def without(found, method, folder):
    """Results of a study that does not have the method."""
    metrics = found.metrics[found.metrics["method"] != method].copy()
    if method == "single_task":
        metrics["delta"] = float("nan")
    history = found.history[found.history["method"] != method].dropna(axis=1, how="all")
    history.to_csv(folder / "history.csv", index=False)
    facts = found.provenance
    for key in ("runs", "seconds", "peak_memory_mb"):
        facts = facts | {key: {m: x for m, x in facts[key].items() if m != method}}
    return dataclasses.replace(
        found, metrics=metrics, provenance=facts, history_file=folder / "history.csv"
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("experiment", "method"), WITHOUT)
def test_a_study_without_a_method(experiment, method, results, tmp_path):
    """Each of its outputs is refused, or made and says what it lacks."""
    content = STUDY.experiments[experiment]
    methods = {name: entry for name, entry in content.methods.items() if name != method}
    changed = content.model_copy(update={"methods": methods})
    study = STUDY.model_copy(update={"experiments": STUDY.experiments | {experiment: changed}})
    given = {experiment: without(results[experiment], method, tmp_path)}
    refused = []
    for package, output in OUTPUTS:
        if experiment not in TAKES[package, output]:
            continue
        if not accepted(package, output, [experiment], study):
            refused.append(output)
            continue
        numbers, text, panels = made(package, output, [experiment], given, tmp_path, study)
        assert len(numbers) and all(map(any, panels)), output
        if (output, method) == ("celeba", "vanilla"):
            sentence = f"{experiment}: hours / vanilla is undefined: there is no run of `vanilla`."
            assert sentence in text
        if (output, method) == ("digits", "single_task"):
            assert "Δ is undefined: there is no single-task run." in text
            assert "single-task row" not in text
    assert refused == WITHOUT[experiment, method]


def test_what_the_paper_does_not_print_has_no_column(results, tmp_path):
    _, text, _ = made("tables", "cifar10", ["digits"], results, tmp_path)
    assert "reported" not in text
    files = [tmp_path / f"made.{end}" for end in ("csv", "md", "tex")]
    assert "Reported" not in files[1].read_text()
    assert set(pd.read_csv(files[0])["source"]) == {"replicated"}


def test_several_metrics_of_a_task_are_panels_or_one_improvement(results):
    """Figures of NYUv2, whose tasks have up to ten metrics."""
    given = results["nyuv2"]
    drawn = plugins.load("figures", "improvement")._improvements(given)
    one = drawn[(drawn["task"] == "depth") & (drawn["method"] == "vanilla") & (drawn["seed"] == 0)]
    tests = given.tests[given.tests["metric"].isin(["abs_err", "rel_err"])]
    rows = tests[(tests["method"] == "vanilla") & (tests["seed"] == 0)]
    assert one["delta"].tolist() == pytest.approx([rows["delta"].mean()])
    assert one["value"].isna().all()
    assert len(drawn) == 3 * sum(given.provenance["runs"].values())


def test_runs_that_diverged_are_in_no_history(results):
    given = results["digits"]
    facts = given.provenance | {"diverged": {"vanilla": [1]}}
    found = dataclasses.replace(given, provenance=facts).finished
    left = given.history[~((given.history["method"] == "vanilla") & (given.history["seed"] == 1))]
    assert len(left) < len(given.history)
    pd.testing.assert_frame_equal(found, left)
