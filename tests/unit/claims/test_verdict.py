"""A claim's verdict is what its tests make of it."""

import subprocess
import sys


def test_quick_is_judged_where_its_data_are_no_stand_ins(quick):
    verdicts = {c["id"]: c["verdict"] for c in quick["claims"]}
    assert verdicts.pop("proposition") == "holds"
    assert verdicts.pop("toy") == "inconclusive"  # two seeds
    assert set(verdicts.values()) == {"stand-in data"}
    compared = {c["agreement"] for c in quick["cells"] if c["reported"] and c["n"]}
    assert compared == {"not compared"}


def test_verdicts_and_status_never_load_torch():
    """Whatever they import, and whatever that imports."""
    code = "import sys; from rotograd_replication.results import status; from rotograd_replication.claims import verdict; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_claim_says_what_its_tests_do(quick):
    by_id = {claim["id"]: claim for claim in quick["claims"]}
    assert by_id["proposition"]["reason"] == "Of 2 tests 2 hold."
    assert by_id["celeba"]["reason"] == "Of 9 tests 9 are on stand-in data."
    for claim in quick["claims"]:
        assert sum(claim["counts"].values()) == len(claim["tests"])
