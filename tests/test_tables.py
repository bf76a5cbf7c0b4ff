"""Every table of `tables/` is built from fake runs; captions, bold cells and escapes are right."""

from pathlib import Path

import pandas as pd
import pytest

from rotograd_replication import plugins, render, table
from tests import fixtures

NAME = "quick"
REPORTED = fixtures.CONFIGS / "paper" / "reported.csv"
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Each table's files, by name."""
    folder = tmp_path_factory.mktemp("tables")
    study, datasets = fixtures.configuration(NAME)
    results, files = {}, {}
    for name, experiments in study.tables.items():
        for experiment in experiments:
            if experiment not in results:
                runs = fixtures.write(folder, study, NAME, experiment, datasets)
                results[experiment] = runs.aggregate(study, NAME, experiment, datasets)
        outputs = [folder / f"{name}_table.{end}" for end in ("csv", "md", "tex")]
        chosen = [results[experiment] for experiment in experiments]
        table.run(study, NAME, name, chosen, REPORTED, *outputs)
        files[name] = outputs
    return files


def test_the_quick_study_builds_every_table(written):
    assert sorted(written) == plugins.names("tables")


@pytest.mark.parametrize("name", plugins.names("tables"))
def test_every_form_says_its_data_and_the_reported_version(written, name):
    for path in written[name][1:]:
        text = path.read_text()
        for needed in ("STAND-IN DATA", "n = 2 seeds", "NeurIPS 2021 submission", "Test CPU"):
            assert needed in text


def test_reported_numbers_are_the_papers(written):
    cells = pd.read_csv(written["cifar10"][0])
    ours = cells[(cells["method"] == "RotoGrad") & (cells["source"] == "reported")]
    assert ours["value"].tolist() == [4.48, 4.72, 15.57]
    eighth = cells[(cells["method"] == "RotoGrad, m = d/8") & (cells["source"] == "reported")]
    assert eighth["value"].tolist() == [2.90, 3.44, 13.16]


def test_the_full_rotation_ends_both_blocks(written):
    cells = pd.read_csv(written["cifar10"][0])
    last = cells.groupby("block", sort=False)["method"].last()
    assert last.tolist() == ["RotoGrad", "RotoGrad, m = d"]
    assert not (cells["method"] == "Single task").any()


def test_a_method_that_the_paper_lacks_has_an_empty_cell(written):
    cells = pd.read_csv(written["digits"][0])
    assert set(cells.loc[cells["method"] == "Scale Only", "source"]) == {"replicated"}


def test_the_baseline_shows_its_error_and_does_not_compete(written):
    cells = pd.read_csv(written["digits"][0])
    single = cells[cells["method"] == "Single task"]
    assert set(single["quantity"]) == {"active pixels MSE ↓"}
    assert not single["best"].any()


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
    best = render.best(values, {"Δ ↑": True})
    return render.Table("Tiny", "A caption.", values, spreads, values.notna() * 2, best)


@pytest.mark.parametrize("end", ["csv", "md", "tex"])
def test_golden_table(tmp_path, end):
    paths = {e: tmp_path / f"tiny.{e}" for e in ("csv", "md", "tex")}
    tiny().write(paths["csv"], paths["md"], paths["tex"])
    assert paths[end].read_text() == (GOLDEN / f"tiny.{end}").read_text()


def test_ties_share_the_bold_face_and_lower_can_be_better():
    values = tiny().values
    values.iloc[:, 0] = [0.501, 0.499]
    assert render.best(values, {"Δ ↑": False}).iloc[:, 0].tolist() == [True, True]
    values.iloc[:, 0] = [0.6, 0.5]
    assert render.best(values, {"Δ ↑": False}).iloc[:, 0].tolist() == [False, True]


def test_latex_specials_are_escaped():
    assert render.escape("50% & R_k #1 ~ {\\}") == (
        r"50\% \& R\_k \#1 \textasciitilde{} \{\textbackslash{}\}"
    )
