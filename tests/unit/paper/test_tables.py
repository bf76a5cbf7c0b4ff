"""Every table of `paper/tables/` is built from fake runs; captions, bold cells and escapes are
right."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from rotograd_replication import plugins
from rotograd_replication.config import schema
from rotograd_replication.config.load import load_study
from rotograd_replication.paper import caption, latex, table, table_format
from rotograd_replication.paper.tables import selection
from tests.helpers import fake_runs

NAME = "quick"
REPORTED = fake_runs.CONFIGS / "paper" / "reported.csv"
GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Each table's files, by name."""
    folder = tmp_path_factory.mktemp("tables")
    study, datasets = fake_runs.configuration(NAME)
    results, files = {}, {}
    for name, experiments in study.tables.items():
        for experiment in experiments:
            if experiment not in results:
                runs = fake_runs.write(folder, study, NAME, experiment, datasets)
                results[experiment] = runs.aggregate(study, NAME, experiment, datasets)
        outputs = [folder / f"{name}_table.{end}" for end in ("csv", "md", "tex")]
        chosen = [results[experiment] for experiment in experiments]
        table.run(study, NAME, name, chosen, fake_runs.paper(), *outputs)
        files[name] = outputs
    return files


def test_the_quick_study_builds_every_table(written):
    assert sorted(written) == plugins.names("tables")


@pytest.mark.parametrize("name", plugins.names("tables"))
def test_every_form_says_its_data_and_the_reported_version(written, name):
    for path in written[name][1:]:
        text = path.read_text()
        for needed in ("STAND-IN DATA", "n = 2 seeds", "Test CPU"):
            assert needed in text
        reports = "reported" in pd.read_csv(written[name][0])["source"].to_numpy()
        assert ("Reported: NeurIPS 2021 submission" in text) == reports


def test_reported_numbers_are_the_papers(written):
    cells = pd.read_csv(written["cifar10"][0])
    ours = cells[(cells["method"] == "RotoGrad") & (cells["source"] == "reported")]
    assert ours["value"].tolist() == [4.48, 4.72, 15.57]
    eighth = cells[(cells["method"] == "RotoGrad, m = d/8") & (cells["source"] == "reported")]
    assert eighth["value"].tolist() == [2.90, 3.44, 13.16]


def test_a_reported_number_is_bold_where_it_is_the_papers_best(tmp_path):
    """MGDA's 0.06 and IMTL-G's 0.07 are, though only RotoGrad, 0.08, was run here."""
    study, datasets = fake_runs.configuration(NAME)
    runs = fake_runs.write(tmp_path, study, NAME, "digits", datasets)
    some = [i for i, path in enumerate(runs.metrics) if path.parts[-3] in ("vanilla", "rotograd")]
    for part in ("metrics", "histories"):
        setattr(runs, part, [getattr(runs, part)[i] for i in some])
    results = {"digits": runs.aggregate(study, NAME, "digits", datasets)}
    build = plugins.load("tables", "digits").build
    cells = build(results, study, fake_runs.paper(), "A caption.").tidy()
    cells = cells.set_index(["method", "source", "quantity"]).sort_index()
    active = cells.loc["RotoGrad", "reported"].loc["active pixels MSE ↓"]
    assert active["value"] == 0.08 and not active["best"]
    assert cells.loc["RotoGrad", "reported"].loc["digits avg Δ ↑", "best"]
    assert cells.loc[["Vanilla", "RotoGrad"]].query("source == 'replicated'")["best"].sum() == 1


def test_a_metric_that_older_code_did_not_record_is_missed(tmp_path):
    study, datasets = fake_runs.configuration(NAME)
    runs = fake_runs.write(tmp_path, study, NAME, "digits", datasets)
    for path in runs.metrics:
        if path.parts[-3:-1] == ("vanilla", "seed0"):
            run = json.loads(path.read_text())
            del run["metrics"]["parity"]["f1_batches"]
            path.write_text(json.dumps(run))
    results = {"digits": runs.aggregate(study, NAME, "digits", datasets)}
    said = "Without a number, as older code did not record it, digits: seed 0 of Vanilla."
    for name in ("digits", "digits_batches"):
        found = plugins.load("tables", name).build(results, study, fake_runs.paper(), "")
        assert (said in found.caption) == (name == "digits_batches")


@pytest.mark.parametrize("revision", ["abc1234", "abc1234+changes"])
def test_a_caption_says_that_code_was_not_committed(tmp_path, revision):
    study, datasets = fake_runs.configuration(NAME)
    runs = fake_runs.write(tmp_path, study, NAME, "toy_convex", datasets)
    run = json.loads(runs.metrics[0].read_text())
    runs.metrics[0].write_text(json.dumps(run | {"git_revision": revision}))
    found = runs.aggregate(study, NAME, "toy_convex", datasets)
    said = caption.caption(NAME, study, ["toy_convex"], [found])
    assert ("Some runs of toy_convex were made with uncommitted" in said) == ("+" in revision)


@pytest.mark.parametrize("several", [False, True])
def test_hours_of_several_machines_are_left_out(tmp_path, several):
    study, datasets = fake_runs.configuration(NAME)
    runs = fake_runs.write(tmp_path, study, NAME, "celeba_conv", datasets)
    if several:
        run = json.loads(runs.metrics[0].read_text())
        runs.metrics[0].write_text(json.dumps(run | {"device": "Another CPU"}))
    results = {"celeba_conv": runs.aggregate(study, NAME, "celeba_conv", datasets)}
    found = plugins.load("tables", "celeba").build(results, study, fake_runs.paper(), "")
    why = "Hours of celeba_conv are left out: its runs were trained on Another CPU and Test CPU"
    assert (why in found.caption) == several
    ours = found.tidy().query("source == 'replicated'")["quantity"]
    assert ours.str.startswith("hours").any() != several and ours.str.contains("F1").any()


def test_the_full_rotation_ends_both_blocks(written):
    cells = pd.read_csv(written["cifar10"][0])
    last = cells.groupby("block", sort=False)["method"].last()
    assert last.tolist() == ["RotoGrad", "RotoGrad, m = d"]
    assert not (cells["method"] == "Single task").any()


def test_a_method_that_the_paper_lacks_has_an_empty_cell(written):
    cells = pd.read_csv(written["digits"][0])
    assert set(cells.loc[cells["method"] == "Scale Only", "source"]) == {"replicated"}


def test_both_data_stand_side_by_side(written):
    cells = pd.read_csv(written["digits"][0])
    reported = cells[(cells["method"] == "RotoGrad") & (cells["source"] == "reported")]
    found = reported.set_index(["data", "quantity"])[["value", "std"]]
    assert found.loc[("MNIST", "digits avg Δ ↑")].tolist() == [2.12, 2.23]
    assert found.loc[("MNIST", "active pixels MSE ↓")].tolist() == [0.08, 0.02]
    assert found.loc[("SVHN", "digits avg Δ ↑")].tolist() == [6.08, 0.48]
    assert found.loc[("SVHN", "active pixels MSE ↓")].tolist() == [1.61, 2.72]
    ours = cells[(cells["source"] == "replicated") & (cells["quantity"] == "digits avg Δ ↑")]
    assert ours.groupby("data")["value"].nunique().gt(1).all()
    latex = written["digits"][2].read_text()
    assert "probably superseded by the camera-ready's" in latex
    for heading in ("MNIST", "SVHN"):
        assert rf"\multicolumn{{4}}{{c}}{{{heading}}}" in latex
    for rules in ("{2-5} \\cmidrule(lr){6-9}", "{2-3} \\cmidrule(lr){4-5} \\cmidrule(lr){6-7}"):
        assert f"\n\\cmidrule(lr){rules}" in latex
    header = written["digits"][1].read_text().splitlines()[2]
    assert header.count("MNIST · ") == header.count("SVHN · ") == 4


def test_an_undefined_improvement_is_blank_and_named(tmp_path):
    study, datasets = fake_runs.configuration(NAME)
    runs = fake_runs.write(tmp_path, study, NAME, "digits", datasets)
    for path in runs.metrics:
        if "single_task" in path.parts and path.parent.name == "seed0":
            run = json.loads(path.read_text())
            run["metrics"]["parity"]["f1"] = 0.0
            path.write_text(json.dumps(run))
    results = {"digits": runs.aggregate(study, NAME, "digits", datasets)}
    build = plugins.load("tables", "digits").build
    found = build(results, study, fake_runs.paper(), "A caption.")
    sentence = "Δ is undefined for seed 0: the single-task F1 is 0 (parity); statistics over tasks "
    assert f"{sentence}leave it out." in found.caption
    assert "superseded" not in found.caption, "this is said of SVHN alone"
    cells = found.tidy()
    ours = cells[(cells["source"] == "replicated") & (cells["quantity"] == "digits avg Δ ↑")]
    assert (ours["runs"] == 1).all()


def test_what_is_in_doubt_of_reported_numbers_is_said_where_they_are_shown(written):
    said = "Reported MGDA-UB / GradNorm: cell order inferred from the page layout."
    for name in ("cifar10", "cifar10_batches"):
        assert said in written[name][1].read_text()
    assert "inferred" not in written["digits"][1].read_text()


def test_the_best_reported_number_is_bold_where_it_follows_from_others(written):
    """The paper prints no average over NYUv2's tasks: RotoGrad's is the only one above 0."""
    cells = pd.read_csv(written["nyuv2"][0])
    reported = cells[(cells["source"] == "reported") & (cells["data"] == "All tasks")]
    assert reported.loc[reported["best"], "method"].tolist() == ["RotoGrad"]


def test_the_baseline_shows_its_error_and_does_not_compete(written):
    cells = pd.read_csv(written["digits"][0])
    single = cells[cells["method"] == "Single task"]
    assert set(single["quantity"]) == {"active pixels MSE ↓"}
    assert not single["best"].any()


def test_celeba_reports_the_papers_numbers_and_hours_relative_to_vanilla(written):
    cells = pd.read_csv(written["celeba"][0])
    ours = cells[(cells["method"] == "RotoGrad") & (cells["source"] == "reported")]
    found = {
        heading: dict(zip(rows["quantity"], rows["value"], strict=True))
        for heading, rows in ours.groupby("data")
    }
    assert set(found) == {"Convolutional", "ResNet18"}
    assert list(found["Convolutional"].values())[:5] == [9.11, 62.31, 62.45, 22.14, 11.00]
    assert list(found["ResNet18"].values())[:5] == [25.72, 63.84, 65.17, 18.99, 6.90]
    assert found["Convolutional"]["hours / vanilla ↓"] == pytest.approx(11.00 / 4.06)
    assert "may be swapped" in written["celeba"][1].read_text()
    assert "50% of it rotated" in written["celeba"][1].read_text()


def test_celeba_statistics_are_over_tasks_then_over_seeds(tmp_path):
    """F1 by hand: seed 0 has 0, 0, ..., 0.39; seed 1 the same plus 0.1, and no zero."""
    study, datasets = fake_runs.configuration(NAME)
    tasks = datasets["celeba_standin"].tasks
    results = []
    for experiment in ("celeba_conv", "celeba_resnet"):
        runs = fake_runs.write(tmp_path, study, NAME, experiment, datasets)
        for path in runs.metrics:
            record = json.loads(path.read_text())
            for k, task in enumerate(tasks):
                f1 = (0 if k < 2 else k / 100) + 0.1 * record["seed"]
                record["metrics"][task.name]["f1"] = f1
            path.write_text(json.dumps(record))
            history = pd.read_csv(path.parent / "history.csv")
            history["seconds"] = history["epoch"] * (2400 if "rotograd" in path.parts[-3] else 1200)
            history.to_csv(path.parent / "history.csv", index=False)
        results.append(runs.aggregate(study, NAME, experiment, datasets))
    outputs = [tmp_path / f"celeba.{end}" for end in ("csv", "md", "tex")]
    table.run(study, NAME, "celeba", results, fake_runs.paper(), *outputs)
    cells = pd.read_csv(outputs[0])
    cells = cells[(cells["data"] == "ResNet18") & (cells["source"] == "replicated")]
    found = cells.set_index(["method", "quantity"])
    f1 = pd.Series([0, 0, *range(2, 40)], dtype=float)
    for quantity, expected in {
        "min F1 ↑": 5.0,
        "med F1 ↑": f1.median() + 5,
        "avg F1 ↑": f1.mean() + 5,
        "std F1 ↓": f1.std(),
        "hours ↓": 2.0,
        "hours / vanilla ↓": 2.0,
    }.items():
        assert found.loc[("RotoGrad", quantity), "value"] == pytest.approx(expected), quantity
    assert found.loc[("RotoGrad", "min F1 ↑"), "std"] == pytest.approx(10 / 2**0.5)
    assert found.loc[("Vanilla", "hours / vanilla ↓"), "value"] == 1
    zeros, cells = 2 * 2 * 9, 2 * 2 * 9 * 40  # tasks or seeds, networks, methods
    assert f"F1 = 0: {zeros} of {cells} (task, run) cells" in outputs[1].read_text()


def test_table_3_shows_what_the_paper_prints_and_what_follows_from_it(written):
    cells = pd.read_csv(written["nyuv2"][0]).set_index(["method", "data", "quantity", "source"])
    ours = cells.xs("RotoGrad").xs("reported", level="source")["value"]
    assert len(ours) == 15
    assert ours["Segmentation", "mIoU ↑"] == 0.40
    assert ours["Surface normals", "≤ 11.25° (%) ↑"] == 26.25
    assert ours["All tasks", "avg Δ (%) ↑"] == pytest.approx((5.33 + 9.06 - 8.99) / 3)
    assert ours["Training", "× Vanilla ↓"] == pytest.approx(3.85 / 3.45)
    single = cells.xs("Single task")
    assert not single["best"].any()
    assert not [row for row in single.index if "Δ" in row[1]]


def test_a_tasks_delta_is_the_mean_over_its_metrics(written):
    """In both conventions, against the tidy rows; every task counts a third of the whole."""
    folder = written["nyuv2"][0].parent
    rows = pd.read_csv(folder / "nyuv2.csv")
    rows = rows[(rows["method"] == "vanilla") & (rows["metric"] != "loss")]
    for name in ("nyuv2", "nyuv2_global"):
        other = rows["metric"].str.endswith("_global") == (name == "nyuv2_global")
        chosen = rows[other | (rows["task"] == "segmentation")]
        means = chosen.groupby(["task", "seed"])["delta"].mean().unstack("seed")
        cells = pd.read_csv(written[name][0]).set_index(["method", "source", "data", "quantity"])
        found = cells.sort_index().loc[("Vanilla", "replicated")]["value"]
        for task, heading in (("depth", "Depth"), ("segmentation", "Segmentation")):
            assert found[heading, "avg Δ (%) ↑"] == pytest.approx(means.loc[task].median())
        assert found["All tasks", "avg Δ (%) ↑"] == pytest.approx(means.mean().median())


@pytest.mark.parametrize(
    ("name", "convention"), [("nyuv2", "Convention: MTAN's"), ("nyuv2_global", "global")]
)
def test_table_3_says_its_convention(written, name, convention):
    for path in written[name][1:]:
        assert convention in path.read_text()


def tiny(label="a_b & 50%"):
    index = pd.MultiIndex.from_tuples([("", label), ("", "other")], names=["block", "method"])
    columns = pd.MultiIndex.from_tuples(
        [("Δ ↑", "replicated"), ("Δ ↑", "reported")], names=["quantity", "source"]
    )
    values = pd.DataFrame([[-1.234, 2.0], [0.5, float("nan")]], index, columns)
    spreads = pd.DataFrame([[0.1, float("nan")], [0.25, float("nan")]], index, columns)
    best = table_format.best(values, {"Δ ↑": True})
    return table_format.Table("Tiny", "A caption.", values, spreads, values.notna() * 2, best)


@pytest.mark.parametrize("end", ["csv", "md", "tex"])
def test_golden_table(tmp_path, end):
    paths = {e: tmp_path / f"tiny.{e}" for e in ("csv", "md", "tex")}
    tiny().write(paths["csv"], paths["md"], paths["tex"])
    assert paths[end].read_text() == (GOLDEN / f"tiny.{end}").read_text()


def test_captions_name_rotations_that_are_not_the_papers_map_and_how_far_they_turned(tmp_path):
    study, datasets = fake_runs.configuration("rotations")
    runs = fake_runs.write(tmp_path, study, "rotations", "cifar10", datasets)
    found = runs.aggregate(study, "rotations", "cifar10", datasets)
    outputs = [tmp_path / f"table.{end}" for end in ("csv", "md", "tex")]
    table.run(study, "rotations", "rotations", [found], fake_runs.paper(), *outputs)
    caption = outputs[1].read_text()
    dynamic = (
        "RotoGrad, dynamic, learning rate 5e-4: dynamic rotations, not the paper's exponential map;"
    )
    assert (
        f"{dynamic} turned by up to 2.5 rad of at most π, beyond the 2 up to which they train alike."
        in caption
    )
    assert "straight-through rotations, not the paper's" in caption
    assert "RotoGrad, learning rate 5e-4: " not in caption
    cells = pd.read_csv(outputs[0])
    angles = cells[cells["quantity"] == "Largest plane angle, rad"]
    assert len(angles) == 9 and (angles["value"] == 2.5).all() and not angles["best"].any()


def test_both_rules_for_the_best_epoch_are_compared_on_validation_metrics():
    task = {"label": "", "kind": "regression", "outputs": 1}
    tasks = [schema.Task(name=name, **task) for name in ("large", "small")]
    run = pd.DataFrame(
        {
            "epoch": [0, 1, 2],
            "val_loss/large": [100.0, 80.0, 90.0],  # epoch 1 has the smallest sum
            "val_loss/small": [
                1.0,
                0.9,
                0.5,
            ],  # epoch 2 the larger mean improvement: 30 against 15 %
            "val_mse/large": [100.0, 80.0, 90.0],
            "val_mse/small": [1.0, 0.9, 0.45],
        }
    )
    first, second, gain = selection._compare_rules(run, tasks).values()
    assert (first, second) == (1, 2)
    assert gain == pytest.approx((-12.5 + 50) / 2)


def test_ties_share_the_bold_face_and_lower_can_be_better():
    values = tiny().values
    values.iloc[:, 0] = [0.501, 0.499]
    assert table_format.best(values, {"Δ ↑": False}).iloc[:, 0].tolist() == [True, True]
    values.iloc[:, 0] = [0.6, 0.5]
    assert table_format.best(values, {"Δ ↑": False}).iloc[:, 0].tolist() == [False, True]


def test_latex_specials_are_escaped():
    assert latex.escape("50% & R_k #1 ~ {\\}") == (
        r"50\% \& R\_k \#1 \textasciitilde{} \{\textbackslash{}\}"
    )


def test_every_reported_number_stands_beside_a_replicated_one(written):
    """All of `configs/paper/reported.csv`; and the paper study has the same rows as this one."""
    cells = pd.concat(pd.read_csv(csv) for csv, _, _ in written.values())
    shown = set(cells.loc[cells["source"] == "reported", "value"].round(6))
    paper = pd.read_csv(REPORTED)
    assert paper[~paper["value"].round(6).isin(shown)].empty
    ours, full = (load_study(fake_runs.CONFIGS, name) for name in (NAME, "paper"))
    assert ours.tables == full.tables
    # They tune other experiments, and the full study has a row for what validation chose.
    for figures in (ours.figures, full.figures):
        del figures["tuning"]
    assert ours.figures == full.figures
    for name, experiment in full.experiments.items():
        shown = [method for method in experiment.methods if method != "rotograd_tuned"]
        assert list(ours.experiments[name].methods) == shown


@pytest.mark.parametrize("name", plugins.names("tables"))
def test_latex_needs_no_unicode_and_its_braces_close(written, name):
    text = written[name][2].read_text()
    assert text.isascii(), sorted(set(text) - set(map(chr, range(128))))
    plain = text.replace(r"\{", "").replace(r"\}", "")
    assert plain.count("{") == plain.count("}")
    for environment in ("table", "tabular"):
        starts = text.count(rf"\begin{{{environment}}}")
        assert starts == text.count(rf"\end{{{environment}}}") > 0


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("digits", [["MNIST", "SVHN"]]),
        ("celeba", [["Convolutional"], ["ResNet18"]]),
        ("nyuv2", [["Segmentation", "Depth"], ["Surface normals"], ["All tasks", "Training"]]),
    ],
)
def test_wide_latex_tables_stand_in_parts_with_all_cells(written, name, parts):
    text = written[name][2].read_text()
    found = text.split(r"\begin{tabular}")[1:]
    assert len(found) == len(parts)
    cells = pd.read_csv(written[name][0])
    for part, headings in zip(found, parts, strict=True):
        first = part.split(r"\toprule")[1].split(r"\\")[0]
        assert re.findall(r"\{c\}\{(.+?)\}", first) == headings
        for method in cells["method"].unique():
            assert f"\n{latex.escape(method)} &" in part
    assert sum(part.count(r"\boldmath") for part in found) == cells["best"].sum()
