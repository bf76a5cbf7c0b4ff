"""The last lines of a call of the workflow."""

import json

from rotograd_replication.report import closing
from tests.helpers.paths import ROOT

EXAMPLE = ROOT / "tests" / "golden" / "verdicts.json"


def test_verdicts_are_shown_once_each_where_they_were_made(tmp_path):
    content = json.loads(EXAMPLE.read_text())
    claims = [
        {"number": 1, "id": "toy", "verdict": "holds"},
        {"number": 2, "id": "stability", "verdict": "inconclusive"},
        {"number": 3, "id": "subspace", "verdict": "holds"},
    ]
    content["claims"] = [content["claims"][0] | claim for claim in claims]
    verdicts = tmp_path / "verdicts.json"
    verdicts.write_text(json.dumps(content))
    made = {str(verdicts), "report/index.html"}
    lines = closing.success("lite", made, str(verdicts), "report/index.html", 372)
    assert lines[0] == "Every job of this call is done (study lite, 6.2 min)."
    assert "  holds            1 toy, 3 subspace" in lines
    assert "  inconclusive     2 stability" in lines
    assert any("report/index.html" in line for line in lines)
    assert len(lines) <= 10


def test_what_was_not_asked_for_is_not_shown(tmp_path):
    lines = closing.success("quick", {"a.csv"}, str(tmp_path / "v.json"), "report/index.html", 5)
    assert len(lines) == 2 and "study=lite" in lines[1]


def test_a_failure_says_how_to_go_on():
    assert "make status STUDY=paper" in " ".join(closing.failure("paper", 60))
