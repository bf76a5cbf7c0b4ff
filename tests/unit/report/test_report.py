"""The report: made from results alone, whole or in part, and read in a real browser."""

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rotograd_replication import plugins
from rotograd_replication.claims import load as claims
from rotograd_replication.claims import verdict
from rotograd_replication.config.equal_code import Entry, TrainingCode
from rotograd_replication.paper import caption, figure, table, table_format
from rotograd_replication.report import build as report
from rotograd_replication.report.sections import _text
from rotograd_replication.results import run_states
from tests.helpers import browser, fake_runs
from tests.helpers.paths import CONFIGS, ROOT

NAME = "quick"
CODE = "0123456789abcdef"  # what the fixtures' runs are made by
GOLDEN = Path(__file__).parents[2] / "golden" / "report.png"
REPORTED = CONFIGS / "paper" / "reported.csv"


RUN = ("metrics.json", "run.json", "checkpoint")


def places(root):
    """Where a study's files lie below a folder."""
    return {
        "metrics": f"{root}/results/{{experiment}}.csv",
        "history": f"{root}/results/{{experiment}}_history.csv",
        "provenance": f"{root}/results/{{experiment}}.json",
        "places": run_states.Places(
            *(f"{root}/results/{{experiment}}/{{method}}/seed{{seed}}/{name}" for name in RUN)
        ),
        "tables": f"{root}/tables/{{table}}.{{kind}}",
        "figures": f"{root}/figures/{{figure}}.{{kind}}",
        "verdicts": root / "results" / "verdicts.json",
    }


def write(root, study, out="report/index.html", code=CODE, equal=()):
    page = root / out
    code = TrainingCode(code, equal)
    report.run(study, NAME, **places(root), citation=ROOT / "CITATION.cff", code=code, out=page)
    return page


def judged(root, study, results):
    judge, reference = claims.load(CONFIGS)
    found = list(results.values())
    verdict.run(study, NAME, judge, reference, found, REPORTED, places(root)["verdicts"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The quick study from fake runs: results, tables, figures, verdicts, and the page."""
    root = tmp_path_factory.mktemp("report")
    study, datasets = fake_runs.configuration(NAME)
    some = {name: study.figures[name] for name in ("toy", "stability")}  # the others take longer
    study = study.model_copy(update={"figures": some})
    results = {}
    for experiment in study.experiments:
        runs = fake_runs.write(root / "results", study, NAME, experiment, datasets)
        results[experiment] = runs.aggregate(study, NAME, experiment, datasets)
    for name, experiments in study.tables.items():
        files = [root / "tables" / f"{name}.{kind}" for kind in ("csv", "md", "tex")]
        table.run(study, NAME, name, [results[e] for e in experiments], fake_runs.paper(), *files)
    for name, experiments in study.figures.items():
        files = [root / "figures" / f"{name}.{kind}" for kind in ("csv", "pdf", "png")]
        figure.run(study, NAME, name, [results[e] for e in experiments], datasets, *files)
    judged(root, study, results)
    return root, study, write(root, study)


@pytest.fixture
def chromium(tmp_path):
    return browser.find(tmp_path)


def test_every_section_is_a_file_and_a_template():
    assert sorted(report.SECTIONS) == plugins.names("sections")
    assert all((report.TEMPLATES / f"{name}.html").is_file() for name in report.SECTIONS)


def test_the_page_says_what_the_results_say(whole):
    root, study, page = whole
    text = page.read_text()
    content = json.loads(places(root)["verdicts"].read_text())
    for claim in content["claims"]:
        assert f'id="claim-{claim["id"]}"' in text
    for figure_name in study.figures:
        command = f"snakemake --force {root}/figures/{figure_name}.pdf --config study={NAME}"
        assert f'id="figure-{figure_name}"' in text and command in text
    for experiment in study.experiments.values():
        assert experiment.title in text
    assert "STAND-IN DATA" in text
    assert text.count("data:image/png;base64,") == len(study.figures)
    assert str(ROOT) not in text.replace(str(root), "")


def test_same_results_same_bytes(whole):
    root, study, page = whole
    before = page.read_bytes()
    assert write(root, study).read_bytes() == before


def test_links_lead_to_files(whole):
    page = whole[2]
    links = set(re.findall(r'href="([^"#][^"]*)"', page.read_text())) - {"data:,"}
    assert len(links) > 100
    assert [link for link in links if not (page.parent / link).is_file()] == []


def test_a_part_of_the_results_is_reported_as_a_part(whole, tmp_path):
    """Missing, stale and diverged runs each have their sign; nothing else is needed."""
    root, study, _ = whole
    shutil.copytree(root / "results", tmp_path / "results")
    shutil.rmtree(tmp_path / "results" / "nyuv2")
    for end in (".csv", "_history.csv", ".json"):
        (tmp_path / "results" / f"nyuv2{end}").unlink()
    (tmp_path / "results" / "verdicts.json").unlink()
    runs = tmp_path / "results" / "digits"
    for method, change in (("mgda", {"code": "other"}), ("pcgrad", {"configuration": "other"})):
        file = runs / method / "seed0" / "metrics.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | change))
    file = runs / "vanilla" / "seed1" / "metrics.json"
    nan = {"diverged": {"epoch": 2, "batch": 1, "what": "the loss of `left` is nan"}}
    file.write_text(json.dumps(json.loads(file.read_text()) | nan))
    text = write(tmp_path, study).read_text()
    missing = len(study.experiments["nyuv2"].methods) * study.experiments["nyuv2"].seeds.value
    found = {state: int(n) for n, state in re.findall(r"<strong>(\d+)</strong> (\w+):", text)}
    assert found["missing"] == missing and found["stale"] == 2 and found["diverged"] == 1
    assert "the training code has changed" in text and "No verdicts yet" in text


def test_a_table_has_the_caption_of_its_file(whole):
    """Two tables of one experiment differ by it."""
    root, study, page = whole
    text = html.unescape(page.read_text())
    for name in study.tables:
        said = (root / f"tables/{name}.md").read_text().rstrip().rpartition("\n\n")[2]
        assert said.replace("**", "").removesuffix(table_format.BOLD) in text, name
    assert text.count("F1 is the plain mean over batches of the training's size") == 3


def test_numbers_have_a_caption_before_their_table_is_made(whole):
    root, study, _ = whole
    moved = places(root) | {"tables": f"{root}/none/{{table}}.{{kind}}"}
    page, code = root / "report/early.html", TrainingCode(CODE)
    report.run(study, NAME, **moved, citation=ROOT / "CITATION.cff", code=code, out=page)
    shown = re.findall(r'<p class="caption">(.*?)</p>', page.read_text(), re.S)
    assert len(shown) >= len(study.tables) and not any("Not run yet" in said for said in shown)


def test_captions_say_that_runs_are_of_older_code(whole):
    root, study, page = whole
    mark = caption.STALE.split("{}")[1]
    assert mark not in page.read_text()
    later = root, study, "report/later.html", "f" * 16
    assert mark in write(*later).read_text()
    entry = {"was": CODE, "same_as": "f" * 16, "why": "a move", "evidence": "none, as in a test"}
    assert mark not in write(*later, (Entry(**entry),)).read_text()
    some = Entry(**entry, methods=["rotograd"])
    assert mark in write(*later, (some,)).read_text()


def test_nothing_at_all_is_a_page_too(tmp_path):
    study, _ = fake_runs.configuration(NAME)
    text = write(tmp_path, study).read_text()
    assert "Nothing has run yet" in text


def test_bibtex_names_the_authors(whole):
    assert "Javaloy, Adrián and Valera, Isabel" in whole[2].read_text()


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "\u2013"),
        (float("nan"), "\u2013"),
        (-1.5, "\u22121.50"),
        (0.01755, "0.018"),
        (0.00042, "0.00042"),
        (12345.6, "12,346"),
        (0, "0.00"),
    ],
)
def test_numbers_as_text(value, text):
    assert _text.number(value) == text


def test_the_report_never_imports_torch():
    code = "import sys, rotograd_replication.report.build as r\n"
    code += "from rotograd_replication import plugins\n"
    code += "[plugins.load('sections', n) for n in r.SECTIONS]\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# What is asked of one page, in this order: the dialog of a run covers the rest.
SCRIPTS = {
    "shown": """
      const images = [...document.images];
      return { images: images.length, loaded: images.filter(i => i.complete && i.naturalWidth > 99).length,
               wide: document.documentElement.scrollWidth - innerWidth,
               unnamed: [...document.querySelectorAll("img, svg[role=img]")]
                 .filter(e => !(e.alt || e.getAttribute("aria-label"))).length,
               heads: [...document.querySelectorAll("thead th")].filter(e => !e.scope).length };
    """,
    "orders": """
      const table = document.querySelector("#tables table.sortable");
      const button = table.tHead.rows[table.tHead.rows.length - 1].cells[1].querySelector("button");
      const column = () => [...table.tBodies[0].rows].map(row => row.cells[1].dataset.value);
      const orders = [column()];
      for (let i = 0; i < 2; i++) { button.click(); orders.push(column()); }
      return orders;
    """,
    "interval": """
      const tip = document.querySelector("#tables .tip");
      tip.focus();
      return [getComputedStyle(tip.querySelector(".bubble")).display, tip.innerText];
    """,
    "choices": """
      const shown = () => [...document.querySelectorAll(".ledger tbody tr")]
        .filter(row => getComputedStyle(row).display !== "none").length;
      const all = shown();
      document.getElementById("choices").click();
      return [all, shown(), document.querySelectorAll(".ledger tr.choice").length];
    """,
    "run": """
      document.querySelector("a[data-run]").click();
      return [document.getElementById("provenance").open, document.querySelector("dialog").innerText];
    """,
}


@pytest.fixture(scope="module")
def asked(whole, tmp_path_factory):
    """What the page answers to each script, and what it complains of and asks for."""
    answers = (f"{name}: (() => {{ {script} }})()" for name, script in SCRIPTS.items())
    chromium = browser.find(tmp_path_factory.mktemp("chromium"))
    return chromium.ask(whole[2], f"return {{ {', '.join(answers)} }};")


def test_in_a_browser(whole, asked):
    """No complaint, no request, every image there, no sideways scrolling."""
    assert asked["complaints"] == [] and asked["console"] == [] and asked["asked"] == []
    shown = asked["answer"]["shown"]
    assert shown["images"] == shown["loaded"] == len(whole[1].figures)
    assert shown["wide"] <= 0 and shown["unnamed"] == 0 and shown["heads"] == 0


def test_a_page_that_asks_for_more_is_caught(chromium, tmp_path):
    """The test above can fail: a foreign image and an error are both seen."""
    page = tmp_path / "bad.html"
    page.write_text(
        "<!doctype html><html><head></head><body><img src='https://example.invalid/a.png'><script>nothing.here()</script></body></html>"
    )
    found = chromium.ask(page, "return 1;")
    assert found["asked"] == ["https://example.invalid/a.png"]
    assert found["complaints"] and found["console"]


def test_tables_sort(asked):
    before, down, up = asked["answer"]["orders"]
    values = [float(value) for value in before if value]
    assert len(values) > 5
    for order, reverse in ((down, True), (up, False)):
        assert [float(value) for value in order if value] == sorted(values, reverse=reverse)
        assert order[len(values) :] == [""] * (len(before) - len(values))


def test_a_run_tells_what_made_it(asked):
    shown, text = asked["answer"]["run"]
    assert shown and "abc1234" in text and "Test CPU" in text and "torch 2.13.0" in text


def test_numbers_show_their_interval(asked):
    display, text = asked["answer"]["interval"]
    assert display == "block" and "interval" in text and "n = 2" in text


def test_only_choices_on_demand(asked):
    everything, shown, choices = asked["answer"]["choices"]
    assert everything > shown == choices > 0


def test_on_a_phone(whole, chromium, tmp_path):
    """Nothing but tables in their own boxes is wider than a window of 390 pixels."""
    frame = tmp_path / "phone.html"
    frame.write_text(f"""<!doctype html><html><head></head><body>
      <iframe src="{whole[2].as_uri()}" width="390" height="800"></iframe></body></html>""")
    script = """
      const inside = document.querySelector("iframe").contentDocument.documentElement;
      return [inside.clientWidth, inside.scrollWidth];
    """
    found = chromium.ask(frame, script, "--allow-file-access-from-files")
    assert found["answer"][0] <= 390 and found["answer"][1] <= found["answer"][0]


def pixels(path):
    """A screenshot as few grey blocks: fonts and their edges do not matter."""
    grey = Image.open(path).convert("L").resize((48, 36), Image.Resampling.BOX)
    return np.asarray(grey, float)


def test_it_looks_as_it_did(whole, chromium, tmp_path):
    """After a change of looks that was looked at: copy the screenshot to tests/golden/report.png."""
    shot = tmp_path / "shot.png"
    chromium.run(whole[2], "--window-size=1200,900", f"--screenshot={shot}")
    assert np.abs(pixels(shot) - pixels(GOLDEN)).mean() < 6


def test_dark_where_the_reader_wants_it_dark(whole, chromium, tmp_path):
    light, dark = tmp_path / "light.png", tmp_path / "dark.png"
    chromium.run(whole[2], f"--screenshot={light}")
    chromium.run(whole[2], browser.DARK, f"--screenshot={dark}")
    assert pixels(light).mean() > 200 and pixels(dark).mean() < 60


def test_prints_as_pdf(whole, chromium, tmp_path):
    """Everything folded is unfolded: the last entry of the ledger is on paper; NYUv2's lies across."""
    pdf = tmp_path / "page.pdf"
    chromium.run(whole[2], f"--print-to-pdf={pdf}")
    content = pdf.read_bytes()
    assert content[:5] == b"%PDF-" and len(re.findall(rb"/Type */Page\b", content)) > 10
    boxes = [list(map(int, b.split())) for b in re.findall(rb"/MediaBox *\[0 0 (.*?)\]", content)]
    assert 0 < sum(width > height for width, height in boxes) < 5
