"""Every figure of `paper/figures/` is drawn from fake runs, the same bytes twice."""

import functools
import subprocess
import sys
import warnings
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.testing.compare import compare_images

from rotograd_replication import plugins
from rotograd_replication.claims import load as claims
from rotograd_replication.config import schema
from rotograd_replication.paper import caption, figure, tuned
from rotograd_replication.paper.figures import _plane, _style, _sweep, toy
from tests.helpers import fake_runs
from tests.helpers.paths import CONFIGS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of escapes in its docstrings, where it is first compiled
    import colorspacious


NAME = "quick"
GOLDEN = Path(__file__).parents[2] / "golden"
FIGURES = plugins.names("figures")
STUDIES = sorted(path.stem for path in (CONFIGS / "studies").glob("*.yaml"))


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    study, datasets = fake_runs.configuration(NAME)
    results = {}
    for experiment in study.experiments:
        runs = fake_runs.write(folder, study, NAME, experiment, datasets)
        results[experiment] = runs.aggregate(study, NAME, experiment, datasets)
    return study, datasets, results


def draw(setting, name, folder):
    study, datasets, results = setting
    chosen = [results[experiment] for experiment in study.figures[name]]
    outputs = [folder / f"{name}.{end}" for end in ("csv", "pdf", "png")]
    figure.run(study, NAME, name, chosen, datasets, *outputs)
    return outputs


@pytest.fixture(scope="module")
def drawn(setting, tmp_path_factory):
    """Figure -> its three files, drawn once."""
    folder = tmp_path_factory.mktemp("drawn")
    return functools.cache(lambda name: draw(setting, name, folder))


def test_the_quick_study_draws_every_figure(setting):
    assert sorted(setting[0].figures) == FIGURES


@pytest.mark.parametrize("name", FIGURES)
def test_figure(drawn, name):
    csv, pdf, png = drawn(name)
    assert len(pd.read_csv(csv)) > 0
    assert pdf.read_bytes()[:5] == b"%PDF-"
    assert b"CreationDate" not in pdf.read_bytes()
    assert b"/FontFile2" in pdf.read_bytes() and b"/Type3" not in pdf.read_bytes()
    assert png.stat().st_size > 10_000


def test_tuning_shows_every_candidate_and_which_was_chosen(drawn):
    found = pd.read_csv(drawn("tuning")[0])
    assert found["values"].tolist() == [0.005, 0.05, 0.5]
    assert found["validation_error"].tolist()[:2] == [2.0, 1.0]
    assert np.isnan(found["validation_error"][2]) and "nan" in found["diverged"][2]
    assert found["chosen"].tolist() == [False, True, False] and not found["at_end"].any()


def test_a_figure_of_tuning_without_any_says_so(setting):
    """As where the runs that are tuned are not there yet."""
    study, datasets, results = setting
    build = plugins.load("figures", "tuning").build
    drawing, numbers = build({"digits": results["digits"]}, study, datasets)
    assert [text.get_text() for text in drawing.axes[0].texts] == ["no finished runs"]
    assert numbers.empty


def retuned(results, **changes):
    """Results whose choice is changed."""
    tuning = {m: content | changes for m, content in results.provenance["tuning"].items()}
    return replace(results, provenance=results.provenance | {"tuning": tuning})


def test_choices_are_in_the_order_of_methods(setting):
    study, _, results = setting
    toy = results["toy_nonconvex"]
    content = toy.provenance["tuning"]["rotograd"]
    both = {m: content | {"method": m} for m in ("vanilla", "rotograd")}
    order = [m for m in study.experiments[toy.name].methods if m in both]
    for names in (order, order[::-1]):
        found = replace(toy, provenance=toy.provenance | {"tuning": {m: both[m] for m in names}})
        assert list(tuned.choices(study, found)) == order
        (first, *_) = tuned.sentences(study, found)
        assert first.endswith("trials: 3 of Vanilla / RotoGrad.")


def test_a_caption_says_how_methods_were_tuned_and_what_to_doubt(setting):
    study, datasets, results = setting
    toy = results["toy_nonconvex"]
    assert tuned.sentences(study, results["digits"]) == []
    said = caption.caption(NAME, study, [toy.name], [toy])
    assert (
        "Tuned on validation, toy_nonconvex (25 epochs, seed 0: a choice, the paper states none), "
        "trials: 3 of RotoGrad; none of the others."
    ) in said
    assert "at an end" not in said and "Every" not in said
    candidates = toy.provenance["tuning"]["rotograd"]["candidates"]
    ends = retuned(toy, candidates=candidates[1:])
    assert tuned.sentences(study, ends)[1:] == ["Best value at an end of the grid: RotoGrad."]
    lost = retuned(toy, candidates=[c | {"diverged": "a test"} for c in candidates])
    assert "Every candidate diverged: RotoGrad." in tuned.sentences(study, lost)
    drawing, _ = plugins.load("figures", "tuning").build({"toy_nonconvex": ends}, study, datasets)
    assert drawing.axes[0].get_xlabel().endswith("best at an end of the grid")


def test_the_toy_shows_where_every_seed_ends(setting, drawn):
    """What counts as an optimum is as claim 1 has it."""
    shown = pd.read_csv(drawn("toy")[0])
    for (problem, method), part in shown.groupby(["problem", "method"]):
        history = setting[2][problem].history
        last = history[(history["method"] == method) & (history["epoch"] == 3)]
        ends = part[part["drawn"] == "end of r of first"]
        assert ends["seed"].tolist() == last["seed"].tolist() == [0, 1]
        lengths = np.hypot(last["view/first/0"], last["view/first/1"])
        assert np.hypot(ends["x"], ends["y"]).to_numpy() == pytest.approx(lengths.to_numpy())
    tests = [t for c in claims.load(CONFIGS)[0].claims for t in c.tests if c.id == "toy"]
    margins = {t.margin.value for t in tests if t.relation == "is as good as"}
    assert margins == {toy.REACHED}


def test_the_toy_counts_seeds_at_both_optima(setting, tmp_path):
    study, datasets, found = setting
    histories = {}
    for name in study.figures["toy"]:
        best = 0.0 if name == "toy_convex" else -6.0
        history = found[name].history.copy()
        history["val_objective/first"] = best + 0.09
        history["val_objective/second"] = best + np.where(history["seed"] == 0, 0.09, 0.11)
        facts = (name, found[name].metrics, found[name].provenance, tmp_path / f"{name}.csv")
        history.to_csv(facts[-1], index=False)
        histories[name] = type(found[name])(*facts)
    drawing, _ = toy.build(histories, study, datasets)
    said = [text.get_text() for axes in drawing.axes for text in axes.texts]
    assert said == 6 * ["at both optima in the end: 1 of 2 seeds"]


def test_same_results_same_bytes(setting, drawn, tmp_path):
    first = [path.read_bytes() for path in drawn("stability")]
    assert first == [path.read_bytes() for path in draw(setting, "stability", tmp_path)]


def test_golden_figure(drawn):
    """After a change of looks that was looked at: copy the new files to tests/golden."""
    csv, _, png = drawn("stability")
    assert csv.read_text() == (GOLDEN / "stability.csv").read_text()
    assert compare_images(str(GOLDEN / "stability.png"), str(png), tol=2) is None


@pytest.mark.parametrize("experiment", ["cifar10", "digits", "celeba_conv", "nyuv2"])
def test_methods_differ_without_their_colours(experiment):
    methods = fake_runs.configuration("paper")[0].experiments[experiment].methods
    looks = [_style.look(name, method) for name, method in methods.items()]
    shapes = [shape(look) for look in looks]
    assert len(set(shapes)) == len(shapes)


def test_what_the_paper_compares_differs_in_grey():
    methods = fake_runs.configuration("paper")[0].experiments["cifar10"].methods
    compared = ("vanilla", "rotograd", "scale_only", "rotate_only")
    grey = sorted(np.dot(to_rgb(methods[m].colour), [0.2126, 0.7152, 0.0722]) for m in compared)
    assert min(np.diff(grey)) > 0.08


CLEAR = 10  # in CAM02-UCS, where 1 is just visible side by side
SIGHTS = ["all colours", "deuteranomaly", "protanomaly", "grey"]


@functools.cache
def seen(colour, sight):
    """sRGB as a reader without that kind of cone sees it (Machado et al. 2009), or printed grey."""
    rgb = to_rgb(colour)
    if sight == "all colours":
        return rgb
    if sight == "grey":
        lightness, _, _ = colorspacious.cspace_convert(rgb, "sRGB1", "CIELab")
        space, rgb = "CIELab", (lightness, 0, 0)
    else:
        space = {"name": "sRGB1+CVD", "cvd_type": sight, "severity": 100}
    return np.clip(colorspacious.cspace_convert(rgb, space, "sRGB1"), 0, 1)


@functools.cache
def apart(one, other, sight):
    return colorspacious.deltaE(seen(one, sight), seen(other, sight), input_space="sRGB1")


def shape(look):
    return look["marker"], look["markerfacecolor"] == "white"


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("name", STUDIES)
def test_methods_differ_for_every_reader(name, sight):
    """In colour or in marker. A sweep over rates is one method, told apart by its place."""
    study = fake_runs.configuration(name)[0]
    sweeps = {
        e for figure in ("stability", "stability_tasks") for e in study.figures.get(figure, [])
    }
    for experiment in study.experiments.keys() - sweeps:
        methods = study.experiments[experiment].methods
        looks = [_style.look(name, method) for name, method in methods.items()]
        for one, other in combinations(looks, 2):
            clear = apart(one["color"], other["color"], sight) > CLEAR
            assert clear or shape(one) != shape(other), (experiment, one["label"], other["label"])


@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_that_stand_alone_differ_for_every_reader(sight):
    """Figure 1's two tasks have no marker; what the paper compares need not lean on markers."""
    methods = fake_runs.configuration("paper")[0].experiments["cifar10"].methods
    compared = [methods[m].colour for m in ("vanilla", "rotograd", "scale_only", "rotate_only")]
    for one, other in [_style.TASKS[:2], *combinations(compared, 2)]:
        assert apart(one, other, sight) > CLEAR, (one, other)


def test_two_colours_that_only_some_tell_apart_are_caught():
    red, green = "#cc5544", "#7f8030"
    assert apart(red, green, "all colours") > CLEAR > apart(red, green, "deuteranomaly")


def test_labels_beside_line_ends_stand_apart():
    with _style.context():
        axes = _style.figure(3, 2).subplots()
        look = _style.look(
            "vanilla", fake_runs.configuration()[0].experiments["cifar10"].methods["vanilla"]
        )
        lines = {"a": 0.5, "b": 0.501, "c": 0.502, "d": 0.9}
        _style.ends(axes, lines, {name: look | {"label": name} for name in lines})
    places = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert list(places) == ["a", "b", "c", "d"]
    assert min(np.diff(list(places.values()))) >= _style.GAP - 1e-9
    assert places["d"] == pytest.approx(0.9, abs=0.02) and max(places.values()) <= 1


def test_gradients_at_z_are_the_chain_rule():
    task = schema.Task(name="a", label="A", kind="avocado", outputs=0, shift=1.5)
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    z = np.array([[0.3, -0.7]])
    u = z @ quarter.T - 1.5
    at_r = np.stack([2 * u[:, 0], np.exp(u[:, 1]) - 1], axis=-1)
    assert _plane.gradient(task, quarter, z) == pytest.approx(at_r @ quarter, abs=1e-8)


def test_the_sweep_is_ordered_and_starts_without_rotations(setting):
    rates = list(_sweep.rates(setting[0].experiments["stability"]).values())
    assert rates[0] == 0
    assert rates == sorted(rates)
    assert len(rates) > 2


def test_each_sweep_is_a_line_with_the_words_that_its_labels_share(tmp_path):
    study, datasets = fake_runs.configuration("rotations")
    runs = fake_runs.write(tmp_path, study, "rotations", "cifar10", datasets)
    found = runs.aggregate(study, "rotations", "cifar10", datasets)
    build = plugins.load("figures", "stability_tasks").build
    drawing, numbers = build({"cifar10": found}, study, datasets)
    _, labels = drawing.axes[0].get_legend_handles_labels()
    names = ["RotoGrad", "RotoGrad, straight-through", "RotoGrad, dynamic"]
    assert labels[:3] == [f"{name}: median, quartiles" for name in names]
    assert len(numbers) == 10 * 2 * 10  # methods, seeds, tasks
    assert [t.get_text() for t in drawing.axes[0].get_xticklabels()] == [
        "none",
        "1.5e-4",
        "5e-4",
        "1.5e-3",
    ]


def test_the_paper_half_never_imports_torch():
    verbs = ["results.aggregate", "paper.table", "paper.figure"]
    plugs = [
        f"paper.{package}.{n}" for package in ("tables", "figures") for n in plugins.names(package)
    ]
    code = "".join(f"import {plugins.__package__}.{name}\n" for name in [*verbs, *plugs])
    code += "import sys\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
