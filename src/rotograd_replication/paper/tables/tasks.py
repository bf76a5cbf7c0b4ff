"""Every task's own metric, method by method, and its difference from the first method's.

Differences are paired: runs of one seed share initialisation, order of batches and data.
"""

from typing import Any

from ...config import schema
from ...results.quantities import Paper
from ...results.tidy import Results
from ..table_format import Table
from . import _reported

NEEDS: dict[str, object] = {}


def build(results: dict[str, Results], study: schema.Study, paper: Paper, caption: str) -> Table:
    """Median and standard deviation over seeds of each metric, and of the paired differences."""
    cells: dict[tuple[str, ...], _reported.Cell] = {}
    higher: dict[str, bool] = {}
    differences: set[str] = set()
    several = len(results) > 1
    for experiment, found in results.items():
        chosen = study.experiments[experiment]
        block = chosen.title if several else ""
        tasks = study.datasets[chosen.dataset].tasks
        labels: dict[Any, str] = {task.name: task.label for task in tasks}
        names = {m: _reported.label(o, m, [found]) for m, o in chosen.methods.items()}
        first, *others = (m for m in chosen.methods if m in found.methods)
        for (task, metric), rows in found.tests.groupby(["task", "metric"], sort=False):
            better = bool(rows["higher_is_better"].iloc[0])
            quantity = f"{labels[task]}, {metric} {'↑' if better else '↓'}"
            higher[quantity] = better
            values = rows.pivot(index="seed", columns="method", values="value")
            for method in (first, *others):
                cell = _reported.over_seeds(values[method])
                cells[block, names[method], quantity, "replicated"] = cell
            for method in others:
                label = f"{names[method]} − {names[first]}"
                differences.add(label)
                difference = values[method] - values[first]
                cells[block, label, quantity, "replicated"] = _reported.over_seeds(difference)
    paired = "; differences are paired by seed and do not compete" * bool(differences)
    ordered = sorted(cells, key=lambda key: key[1] in differences)
    return _reported.table(
        "Every task's metric",
        f"{caption} Median ± standard deviation over seeds{paired}. The paper reports none of "
        "these numbers.",
        {key: cells[key] for key in ordered},
        higher=higher,
        exclude=differences,
        decimals=3,
    )
