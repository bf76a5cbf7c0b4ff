"""The workflow as a graph, drawn from the study: what is made from what, by how many runs."""

from typing import Any

from ._material import Material

TITLE = "The workflow"
STEP, BOX, HEIGHT, TOP = 46, 200, 34, 56  # pixels
COLUMNS = (10, 340, 670)  # left edges: data, experiments, outputs
# The rules that make what a column holds, in their order.
STAGES = (("fetch", "prepare"), ("train", "aggregate"), ("table", "figure", "verdicts"))


def build(material: Material) -> dict[str, Any]:
    """Place the boxes, and draw the curves between them."""
    study = material.study
    data = {name: (d.label, _size(d.samples.train)) for name, d in study.datasets.items()}
    experiments = {}
    for name in study.experiments:
        runs = material.of(name)
        experiments[name] = (name, f"{sum(bool(r.record) for r in runs)} of {len(runs)} runs")
    outputs = {("table", n): (n, "table") for n in study.tables}
    outputs |= {("figure", n): (n, "figure") for n in study.figures}
    outputs["verdicts", ""] = ("verdicts", "every experiment")
    columns: tuple[dict[Any, tuple[str, str]], ...] = (data, experiments, outputs)
    rows = max(map(len, columns))
    places = [_places(column, x, rows) for column, x in zip(columns, COLUMNS, strict=True)]
    pairs = [(places[0][e.dataset], places[1][name]) for name, e in study.experiments.items()]
    for kind, chosen in (("table", study.tables), ("figure", study.figures)):
        pairs += [(places[1][e], places[2][kind, n]) for n, es in chosen.items() for e in es]
    return {
        "boxes": [box for column in places for box in column.values()],
        "edges": [_curve(start, end) for start, end in pairs],
        "stages": list(zip(COLUMNS, STAGES, strict=True)),
        "box": BOX,
        "height": HEIGHT,
        "size": (COLUMNS[-1] + BOX + 10, TOP + rows * STEP),
        "words": f"{len(data)} datasets feed {len(experiments)} experiments, which feed "
        f"{len(study.tables)} tables, {len(study.figures)} figures and the verdicts.",
    }


def _size(samples: int) -> str:
    return f"{samples:,} training sample{'' if samples == 1 else 's'}"


def _places(column: dict[Any, tuple[str, str]], x: int, rows: int) -> dict[Any, dict[str, Any]]:
    """Place a box for every entry; the column is centred next to the longest one."""
    first = TOP + (rows - len(column)) * STEP / 2
    return {
        key: {"x": x, "y": first + i * STEP, "name": name, "note": note}
        for i, (key, (name, note)) in enumerate(column.items())
    }


def _curve(start: dict[str, Any], end: dict[str, Any]) -> str:
    a, b = (start["x"] + BOX, start["y"] + HEIGHT / 2), (end["x"], end["y"] + HEIGHT / 2)
    middle = (a[0] + b[0]) / 2
    return f"M{a[0]} {a[1]}C{middle} {a[1]} {middle} {b[1]} {b[0]} {b[1]}"
