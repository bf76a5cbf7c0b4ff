"""The ledger: every hyper-parameter with its value and source, choices in plain sight."""

from collections import Counter
from typing import Any

from ...paper import hyperparameters
from ._material import Material

TITLE = "Whose value is it? Every hyper-parameter with its source"
KINDS = {
    "paper": "the paper's",
    "official code": "the official code's",
    "MTAN code": "the code of NYUv2's set-up",
    "choice": "this project's choice: the available sources do not say",
}


def build(material: Material) -> dict[str, Any]:
    """Gather the entries of every experiment and dataset, and count where they come from."""
    study = material.study
    parts = [
        *(("experiment", name, model) for name, model in study.experiments.items()),
        *(("dataset", name, model) for name, model in study.datasets.items()),
    ]
    groups: list[dict[str, Any]] = []
    for kind, name, model in parts:
        rows = []
        for place, item in hyperparameters.entries(model):
            origin, _, why = item.source.partition(": ")
            rows.append({"place": place, "value": item.value, "origin": origin, "why": why})
        counts = Counter(row["origin"] for row in rows)
        groups.append({"kind": kind, "name": name, "rows": rows, "choices": counts["choice"]})
    counts = Counter(row["origin"] for group in groups for row in group["rows"])
    return {"groups": groups, "kinds": KINDS, "counts": counts}
