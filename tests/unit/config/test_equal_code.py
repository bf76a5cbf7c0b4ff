"""The ledger of equal code: whose runs count as those of the present code, and what it refuses."""

import json
import shutil

import pytest
import yaml

from rotograd_replication.config import equal_code
from rotograd_replication.config.equal_code import Entry, TrainingCode
from rotograd_replication.config.yaml_files import ConfigurationError
from rotograd_replication.paper.caption import STALE, caption
from rotograd_replication.results.run_records import RecordError
from tests.helpers import fake_runs
from tests.helpers.paths import CONFIGS

A, B, C, D = (letter * 16 for letter in "abcd")
MADE = "0123456789abcdef"  # of the made-up runs


def entry(was, same_as, methods=()):
    return {
        "was": was,
        "same_as": same_as,
        "methods": list(methods),
        "why": "a move",
        "evidence": "two runs",
    }


def code(digest, *entries):
    return TrainingCode(digest, tuple(Entry(**e) for e in entries))


def test_without_an_entry_only_the_code_itself_counts():
    assert code(A).trained(A, "vanilla") and not code(A).trained(B, "vanilla")


@pytest.mark.parametrize("present", [A, B, C])
def test_equality_is_passed_on_and_has_no_direction(present):
    """Also where the entries are in another order, and where code is taken back."""
    chain = [entry(A, B), entry(B, C), entry(D, "e" * 16)]
    for entries in (chain, chain[::-1]):
        found = code(present, *entries)
        assert all(found.trained(digest, "vanilla") for digest in (A, B, C))
        assert not found.trained(D, "vanilla")


def test_an_entry_of_some_methods_says_nothing_of_others():
    found = code(C, entry(A, B, ["vanilla"]), entry(B, C))
    assert found.trained(A, "vanilla") and not found.trained(A, "mgda")
    assert found.trained(B, "mgda")


@pytest.fixture
def configs(tmp_path):
    """A folder of configurations with a ledger of its own, as a function of its content."""

    def write(content):
        for path in CONFIGS.iterdir():
            if path.stem != equal_code.LEDGER and not (tmp_path / path.name).exists():
                (tmp_path / path.name).symlink_to(path)
        (tmp_path / f"{equal_code.LEDGER}.yaml").write_text(yaml.safe_dump(content))
        return tmp_path

    return write


def test_methods_may_be_variants(configs):
    variants = ["rotograd_subspace", "rotograd_dynamic", "rotograd_lr_5e-4"]
    entries = [entry(A, B, ["vanilla"]), entry(B, C, variants)]
    found = equal_code.load(configs({"equal_code": entries}), C)
    assert all(found.trained(B, variant) for variant in variants) and not found.trained(
        B, "vanilla"
    )


@pytest.mark.parametrize("experiments", ["", " [a]", " {digits: mnist}", " {a: {variants: 3}}"])
def test_a_half_written_study_is_passed_over(configs, experiments):
    """The ledger is read by every call, whatever its study."""
    folder = configs({"equal_code": [entry(A, B, ["vanilla"])]})
    (folder / "studies").unlink()
    shutil.copytree(CONFIGS / "studies", folder / "studies")
    (folder / "studies/draft.yaml").write_text(f"title: Draft\nexperiments:{experiments}\n")
    assert equal_code.load(folder, B).trained(A, "vanilla")


@pytest.mark.parametrize(
    "content, message",
    [
        ({"equal_code": [entry(A, A)]}, "`was` and `same_as` must differ. Found aaaaaaaaaaaaaaaa"),
        ({"equal_code": [entry("A", B)]}, "equal_code.0.was.*pattern.*Found 'A'"),
        ({"equal_code": [entry(A, B), entry(A, B)]}, "must have one entry"),
        ({"equal_code": [entry(A, B), entry(B, A)]}, "must have one entry"),
        ({"equal_code": [entry(A, B) | {"evidence": ""}]}, "equal_code.0.evidence"),
        ({"equal_code": [entry(A, B) | {"becuase": "x"}]}, "`equal_code.0.becuase` is not a key"),
        ({"equal_code": [entry(A, B, ["vanila"])]}, "unknown method `vanila`.*Did you mean `vanil"),
        ({"equal_code": [entry(A, B, ["rotograd_lr_{}"])]}, "pattern|unknown method"),
        ({"entries": []}, "equal_code"),
    ],
)
def test_a_fault_is_one_message(configs, content, message):
    with pytest.raises(ConfigurationError, match=message) as error:
        equal_code.load(configs(content), C)
    assert str(error.value).startswith("equivalent_code.yaml: ")


def test_runs_of_several_codes_are_told_apart_by_method(tmp_path):
    """`aggregate` says which method's runs are of which code, and captions go by it."""
    study, datasets = fake_runs.configuration("quick")
    files = fake_runs.write(tmp_path, study, "quick", "toy_convex", datasets)
    alike = files.aggregate(study, "quick", "toy_convex", datasets)
    methods = list(study.experiments["toy_convex"].methods)
    assert alike.code == {method: [MADE] for method in methods}
    assert "code_by_method" not in alike.provenance

    for path in (p for p in files.metrics if p.parent.parent.name == "vanilla"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"code": A}))
    mixed = files.aggregate(study, "quick", "toy_convex", datasets)
    assert mixed.provenance["code"] == [MADE, A]
    assert mixed.code == {method: [MADE] for method in methods} | {"vanilla": [A]}
    mark = STALE.format("toy_convex")
    for entries, stale in (
        ([], True),
        ([entry(A, MADE, ["vanilla"])], False),
        ([entry(A, MADE, ["rotograd"])], True),
        ([entry(A, MADE)], False),
    ):
        text = caption("quick", study, ["toy_convex"], [mixed], code(MADE, *entries))
        assert (mark in text) == stale


def test_prepared_files_of_equal_tensors_stand_in_one_table(tmp_path):
    study, datasets = fake_runs.configuration("quick")
    files = fake_runs.write(tmp_path, study, "quick", "toy_convex", datasets)
    for path in (p for p in files.metrics if p.parent.parent.name == "vanilla"):
        run = json.loads(path.read_text())
        run["data"]["prepared"]["train"] = "d" * 64
        path.write_text(json.dumps(run))
    with pytest.raises(RecordError, match="prepared files of the others"):
        files.aggregate(study, "quick", "toy_convex", datasets)
    files.aggregate(study, "quick", "toy_convex", datasets, {"d" * 64: "c" * 64})


def test_equal_data_is_passed_on_to_the_latest(configs):
    words = {"why": "the last bit", "evidence": "both were read"}
    chain = [
        {"dataset": "mnist", "was": {"val": a * 64}, "same_as": {"val": b * 64}} | words
        for a, b in ("ab", "bc", "dc")
    ]
    place = configs({"equal_code": [], "equal_data": chain})
    assert equal_code.same_data(place) == {x * 64: "c" * 64 for x in "abd"}
    chain[0]["same_as"] = {"train": "b" * 64}
    with pytest.raises(ConfigurationError, match="must name the same splits"):
        equal_code.same_data(configs({"equal_code": [], "equal_data": chain}))


def test_the_committed_ledger_is_legal():
    assert equal_code.load(CONFIGS, C).equal
    assert equal_code.same_data(CONFIGS)
