"""What `on_gpu.py` found, as a short table."""

import math
from typing import Any

import gpu_rows

PHASES = ("checks", "measures", "training")


def summary(rows: gpu_rows.Rows, machine: dict[str, Any]) -> str:
    """Everything in some dozens of lines of Markdown."""
    parts = [
        f"Device: {rows.device}; {', '.join(f'{k} {v}' for k, v in machine['versions'].items())}; "
        f"revision {machine['git_revision']}, {machine['threads']} threads.",
        *_checks(rows),
        *_measures(rows),
        *_packed(rows),
        *_training(rows),
        *_failures(rows),
    ]
    return "\n".join(parts) + "\n"


def _checks(rows: gpu_rows.Rows) -> list[str]:
    lines = [
        "",
        "| check | passed | of | largest difference, losses | backbone |",
        "|---" * 5 + "|",
    ]
    kinds: dict[str, list[dict]] = {}
    for name, row in rows.results("checks").items():
        kinds.setdefault(name.split("/")[0], []).append(row)
    for kind, found in kinds.items():
        told = [row for row in found if "ok" in row]
        largest = [
            _number(max((row[part] for row in told if part in row), default=math.nan))
            for part in ("losses", "backbone")
        ]
        notes = [row["note"] for row in found if "note" in row]
        passed = str(sum(row["ok"] for row in told)) if told or not notes else notes[0]
        cells = [kind, passed, str(len(found)), *largest]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _measures(rows: gpu_rows.Rows) -> list[str]:
    measured = rows.results("measures")
    peaks = measured.get("peaks", {})
    if "gbyte_per_s" not in peaks:
        return []
    speeds = [
        f"{name} {peaks[f'{name}_gflop_per_s'] / 1e3:.3g}" for name in ("float32", "tf32", "bf16")
    ]
    lines = [
        "",
        f"Peaks of large products, TFLOP/s: {', '.join(speeds)}; of a copy: "
        f"{peaks['gbyte_per_s']:.4g} GB/s. The limit of a step is the longer of its operations and "
        "its bytes at these; of torch's matrix exponentials (the official package's) only bytes "
        "are counted. A step includes its optimisers.",
        "",
        "| step of | × Vanilla, or × float32 | ms | GFLOP | GB | limit, ms | share of peak "
        "| images/s | peak MiB |",
        "|---" * 9 + "|",
    ]
    for name, row in measured.items():
        if "step_seconds" not in row:
            continue
        milliseconds = 1e3 * row["step_seconds"]
        cells = [name, f"{row['ratio']:.2f}", _number(milliseconds)]
        if "gflop" in row:
            variant = name.split("/")[2:] or ["float32"]
            speed = peaks[f"{variant[0]}_gflop_per_s"]
            limit = 1e3 * max(row["gflop"] / speed, row["gbyte"] / peaks["gbyte_per_s"])
            share = row["gflop"] / speed / row["step_seconds"]
            cells += [*map(_number, (row["gflop"], row["gbyte"], limit)), f"{share:.0%}"]
        else:
            cells += [""] * 4
        cells += [_number(row["images_per_s"])]
        cells += ["" if row["peak_mb"] is None else f"{row['peak_mb']:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _packed(rows: gpu_rows.Rows) -> list[str]:
    lines = []
    for name, row in rows.results("measures").items():
        if name.startswith("packed/") and "images_per_s" in row:
            lines.append(
                f"- {name.split('/')[1]}, {row['processes']} at once: "
                f"{_number(row['images_per_s'])} images/s together"
            )
    return ["", "Processes on one device, RotoGrad each:", *lines] if lines else []


def _training(rows: gpu_rows.Rows) -> list[str]:
    found = rows.results("training")
    done = [name for name, row in found.items() if row.get("finished")]
    saved = [name for name, row in found.items() if row.get("saved")]
    lines = [f"- {name}: {found[name]['trained_seconds']:.0f} s" for name in done]
    return ["", f"Runs finished: {len(done)}; saved on the way: {len(saved)}.", *lines]


def _failures(rows: gpu_rows.Rows) -> list[str]:
    lines = []
    for phase in PHASES:
        for name, row in rows.results(phase).items():
            if "failed" in row or row.get("ok") is False:
                lines.append(f"- {phase}, {name}: {row.get('failed', 'not equal')}")
    return ["", f"Failed: {len(lines)}.", *lines]


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"
