"""The sentence that says what measurements were made with."""

import cost_report
import pandas as pd

MADE = {"device": "CPU, A", "cores": 1.0, "threads": 1, "versions": "torch 1", "revision": "r"}


def test_rows_of_two_machines_are_told_apart_only_where_they_share_a_workload():
    rows = [
        ("digits", "ours", "CPU, A"),
        ("faces", "ours", "CPU, A"),
        ("faces", "theirs", "CPU, B"),
    ]
    table = pd.DataFrame([MADE | {"workload": w, "contender": c, "device": d} for w, c, d in rows])
    said = cost_report.made(table, "workload", "contender")
    assert "digits, faces ours: CPU, A, 1 cores" in said and "faces theirs: CPU, B" in said


def test_rows_of_one_machine_are_one_sentence():
    table = pd.DataFrame([MADE | {"method": m, "cores": None} for m in ("a", "b")])
    said = cost_report.made(table, "method")
    assert said.endswith("not recorded: CPU, A, ? cores, 1 threads, torch 1 (revision r).")
