"""Captions name packages of other versions than the locked ones, and no others."""

import dataclasses
import json

import pytest

from rotograd_replication import cli
from rotograd_replication.paper import caption, versions
from rotograd_replication.runtime import provenance
from tests.helpers import fake_runs
from tests.helpers.paths import ROOT

LOCKED = versions.locked(ROOT / "requirements.lock")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("versions")
    study, datasets = fake_runs.configuration()
    runs = fake_runs.write(folder, study, "quick", "digits", datasets, seeds=1)
    return study, runs, runs.aggregate(study, "quick", "digits", datasets)


def said(study, found, **packages):
    facts = found.provenance | {"versions": packages}
    changed = dataclasses.replace(found, provenance=facts)
    return caption.caption("quick", study, ["digits"], [changed], None, LOCKED)


def test_the_lock_has_what_records_name():
    recorded = provenance.versions().keys() - {"python"}
    assert recorded <= LOCKED.keys()
    assert LOCKED["torch"].count(".") == 2 and len(LOCKED) > 50


def test_locked_versions_are_not_named(digits):
    study, _, found = digits
    plain = said(study, found, torch=[LOCKED["torch"]], python=["3.13.1"])
    assert plain == caption.caption("quick", study, ["digits"], [found])
    assert said(study, found, torch=[LOCKED["torch"] + "+cu130"]) == plain


def test_other_versions_are_named(digits):
    study, _, found = digits
    text = said(study, found, torch=["2.11.0"], numpy=["2.3.0", LOCKED["numpy"]], python=["3.13.1"])
    torch, numpy = LOCKED["torch"], LOCKED["numpy"]
    assert (
        f"Not of the locked versions, digits: torch 2.11.0 (locked: {torch}), "
        f"numpy 2.3.0 and {numpy} (locked: {numpy})." in text
    )


def test_a_table_of_the_command_line_names_them(digits, tmp_path):
    _, runs, found = digits
    facts = found.provenance | {"versions": {"torch": ["2.11.0"]}}
    other = tmp_path / "digits.json"
    other.write_text(json.dumps(facts))
    words = ["table", "--study", "quick", "--name", "digits"]
    words += ["--metrics", runs.table, "--history", runs.history, "--provenance", other]
    words += ["--reported", ROOT / "configs/paper/reported.csv"]
    outputs = {option: tmp_path / option for option in ("csv", "markdown", "latex")}
    words += [word for option, path in outputs.items() for word in (f"--{option}", path)]
    arguments = cli.parser().parse_args(list(map(str, words)))
    arguments.verb(arguments)
    assert "digits: torch 2.11.0 (locked: " in outputs["markdown"].read_text()


def test_without_a_lock_nothing_is_said(tmp_path):
    assert versions.locked(tmp_path / "requirements.lock") == {}
