"""The run matrix: experiment x method x seed, each run's state, and what made it."""

import json
from typing import Any

from ...results.run_states import DIVERGED, DONE, MISSING, RUNNING, STALE, STATES, TRAINED, Run
from . import _svg, _text
from ._material import Material

TITLE = "Every run, and what made it"
SIGNS = {
    DONE: ("●", "good"),
    DIVERGED: ("✕", "bad"),
    STALE: ("◐", "open"),
    TRAINED: ("◒", "standin"),
    RUNNING: ("▸", "standin"),
    MISSING: ("○", "none"),
}


def build(material: Material) -> dict[str, Any]:
    """Gather a grid per experiment, and the facts of every run for the page's script."""
    grids = []
    for name, experiment in material.study.experiments.items():
        rows = [
            {"mark": _svg.swatch(method), "runs": [r for r in material.of(name) if r.method == m]}
            for m, method in experiment.methods.items()
        ]
        seeds = experiment.seeds.value
        grids.append({"name": name, "title": experiment.title, "rows": rows, "seeds": seeds})
    counts = {s: sum(run.state == s for run in material.runs) for s in STATES}
    return {
        "grids": grids,
        "signs": SIGNS,
        "states": STATES,
        "counts": {state: n for state, n in counts.items() if n},
        "facts": _script([_facts(run) | _file(run, material) for run in material.runs]),
        "file": material.file,
        "places": {_key(run): i for i, run in enumerate(material.runs)},
        "key": _key,
        "reasons": sorted({f"{r.state}: {r.reason}" for r in material.runs if r.reason}),
    }


def _key(run: Run) -> tuple[str, str, int]:
    return run.experiment, run.method, run.seed


def _file(run: Run, material: Material) -> dict[str, str]:
    return {"file": str(material.file(run))} if run.record else {}


def _facts(run: Run) -> dict[str, str]:
    """Write what a reader may ask of one run."""
    start = {"run": f"{run.experiment} / {run.method} / seed {run.seed}", "state": run.state}
    if run.reason:
        start["why"] = run.reason
    if not run.record:
        return start
    record = run.record
    data, samples = record.data.label, record.data.samples["train"]
    return start | {
        "time": _text.duration(record.seconds),
        "peak memory": _text.memory(record.peak_memory_mb),
        "epochs": f"{record.epochs}, the best one is {record.best_epoch}",
        "data": f"{data}, {samples:,} training samples",
        "device": f"{record.device}, {record.threads} threads",
        "revision": str(record.git_revision),
        "configuration": record.configuration,
        "code": record.code,
        "versions": ", ".join(f"{k} {v}" for k, v in sorted(record.versions.items())),
    }


def _script(content: Any) -> str:
    """Write JSON that may be inside a script element."""
    return json.dumps(content, ensure_ascii=False).replace("<", "\\u003c")
