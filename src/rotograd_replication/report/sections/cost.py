"""What it cost: hours and memory by method, relative to vanilla, and what each experiment needs."""

import statistics
from typing import Any

from ...results import run_records
from ...results.run_records import RunRecord
from . import _svg
from ._material import Material

TITLE = "What it cost, and what you need"
REFERENCE = "vanilla"


def build(material: Material) -> dict[str, Any]:
    """Gather a table of experiments, and one of methods for each, from the runs that there are."""
    needs: list[dict[str, Any]] = []
    methods: list[dict[str, Any]] = []
    for name, experiment in material.study.experiments.items():
        runs = [run.record for run in material.of(name) if run.record]
        if not runs:
            continue
        by_method = {m: [r for r in runs if r.method == m] for m in experiment.methods}
        seconds = {m: run_records.median_seconds(group) for m, group in by_method.items()}
        typical = {method: median for method, median in seconds.items() if median is not None}
        if not typical:
            continue
        alike = len({(run.device, run.threads) for run in runs}) == 1
        base = typical.get(REFERENCE) if alike else None
        longest = max(typical.values())
        rows = [
            {
                "mark": _svg.swatch(experiment.methods[m]),
                "seconds": seconds,
                "ratio": seconds / base if base else None,
                "share": round(100 * seconds / longest, 1),
                "memory": run_records.peak_memory_mb(by_method[m]),
                "runs": len(by_method[m]),
            }
            for m, seconds in typical.items()
        ]
        methods.append({"name": name, "title": experiment.title, "rows": rows})
        needs.append(_needs(name, experiment.title, runs, typical))
    return {"needs": needs, "methods": methods, "total": sum(n["total"] for n in needs)}


def _needs(
    name: str, title: str, runs: list[RunRecord], typical: dict[str, float]
) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "data": runs[0].data.label,
        "devices": " and ".join(sorted({run.device for run in runs})),
        "threads": max(run.threads for run in runs),
        "memory": run_records.peak_memory_mb(runs),
        "runs": len(runs),
        "typical": statistics.median(typical.values()),
        "longest": max(run.seconds for run in runs),
        "total": sum(run.seconds for run in runs),
    }
