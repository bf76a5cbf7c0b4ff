"""Table 1: relative improvement over single-task networks on CIFAR10, and the size of R_k.

Source: RotoGrad, sections 6.2 and 6.3. The upper block compares methods, the lower one the number
m of features that are rotated; RotoGrad with m = d stands in both, as printed.
"""

import pandas as pd

from ...config import schema
from ...results import relative_improvement
from ...results.tidy import Results
from ..table_format import Table
from . import _compare

EXPERIMENT = "cifar10"
QUANTITIES = {"avg": "avg Δ ↑", "med": "med Δ ↑", "max": "max Δ ↑"}
FULL = {"rotograd": "rotograd_512"}  # the paper names RotoGrad by its m, which is d here
METHODS, SUBSPACES = "Methods", "Size of R_k"


def build(
    results: dict[str, Results], study: schema.Study, reported: pd.DataFrame, caption: str
) -> Table:
    """Median and standard deviation over seeds of the average, median and maximum over tasks."""
    found = results[EXPERIMENT]
    ours = relative_improvement.over_seeds(relative_improvement.over_tasks(found.tests))
    methods = study.experiments[EXPERIMENT].methods
    cells = {}
    for block, name in _rows(methods, found.methods):
        names = (methods[name].reported_as, name, FULL.get(name))
        label = _compare.label(methods[name], name, [found])
        label += ", m = d" * (block == SUBSPACES and name in FULL)
        paper = _compare.reported(reported, EXPERIMENT, names)
        for key, quantity in QUANTITIES.items():
            row = (block, label, quantity)
            cells[*row, "replicated"] = ours.loc[name, key]
            cells[*row, "reported"] = paper.reindex([f"{key}_delta"]).iloc[0]
    return _compare.table(
        "Relative task improvement Δ (%) on CIFAR10, 10 binary tasks",
        f"{caption} Median ± standard deviation over seeds; "
        f"d = {found.provenance['features']}.{_compare.undefined(results)}",
        cells,
        higher=dict.fromkeys(QUANTITIES.values(), True),
    )


def _rows(methods: dict[str, schema.Method], run: list[str]) -> list[tuple[str, str]]:
    """(block, method), the full rotation at the end of both blocks."""
    shown = [m for m in methods if m in run and not methods[m].separate]
    subspace = [m for m in shown if "m" in methods[m].parameters]
    full = [m for m in shown if m in FULL]
    rest = [m for m in shown if m not in subspace and m not in full]
    lower = [*subspace, *full] if subspace else []
    return [(METHODS, m) for m in [*rest, *full]] + [(SUBSPACES, m) for m in lower]
