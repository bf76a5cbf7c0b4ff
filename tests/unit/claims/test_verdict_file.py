"""The file of verdicts: what it holds, read as it was written."""

import json
import re

import pytest

from rotograd_replication.claims import cell, verdict_file
from tests.helpers.paths import ROOT

EXAMPLE = ROOT / "tests" / "golden" / "verdicts.json"


def test_the_file_is_read_as_it_was_written(quick, made):
    """And the example of an earlier one has the same keys."""
    whole = verdict_file.read(made[2] / "verdicts.json")
    assert whole.model_dump(mode="json") == quick
    assert verdict_file.read(EXAMPLE).model_dump(mode="json") == json.loads(EXAMPLE.read_text())


NAMED = [*vars(verdict_file).values(), *vars(cell).values()]
MODELS = {model: None for model in NAMED if getattr(model, "model_fields", None)}


@pytest.mark.parametrize("model", MODELS)
def test_every_key_is_described(model):
    inherited = {key for base in model.__bases__ for key in getattr(base, "model_fields", {})}
    said = re.findall(r"^ {4}(?: {4})?(\w+): ", model.__doc__, re.M)
    assert [key for key in model.model_fields if key not in inherited] == said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"claims": None}, "`claims`: Input should be a valid tuple. Found None."),
        ({"cell": []}, "`cell` is not a key. Did you mean `cells`?"),
    ],
)
def test_a_damaged_file_is_one_clear_error(quick, tmp_path, change, message):
    path = tmp_path / "verdicts.json"
    path.write_text(json.dumps(quick | change))
    with pytest.raises(ValueError, match=re.escape(f"`{path}`: {message}")) as error:
        verdict_file.read(path)
    assert str(error.value).endswith("Delete it and run `verdict` again.")
