"""Tuning: each method's validation error over the grid of its own hyper-parameters.

Source: none; the paper states that it chose by validation error, and shows no grid.
"""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ...config import schema
from ...config.choice import Choice
from ...config.shorthand import written
from ...results.tidy import Results
from .. import tuned
from . import _style

NEEDS = {"some_method": "tuned"}
WARNING = "#b00020"


def build(
    results: dict[str, Results], study: schema.Study, datasets: dict[str, schema.Dataset]
) -> tuple[Figure, pd.DataFrame]:
    """Draw a panel per tuned method: its candidates in the grid's order, the choice ringed."""
    choices = {name: tuned.choices(study, found) for name, found in results.items()}
    shown = [
        (e, m, choice) for e, of_methods in choices.items() for m, choice in of_methods.items()
    ]
    drawing, grid = _style.panels(max(len(shown), 1), min(3, max(len(shown), 1)), 1.5)
    if not shown:
        _style.nothing(grid[0])
        return drawing, pd.DataFrame(columns=["experiment", "method"])
    rows = []
    for axes, (experiment, name, choice) in zip(grid, shown, strict=True):
        method = study.experiments[experiment].methods[name]
        numbers = _rows(experiment, name, choice)
        rows += numbers
        look = _style.look(name, method)
        places = range(len(numbers))
        axes.plot(places, [row["validation_error"] for row in numbers], **look)
        for place, row in zip(places, numbers, strict=True):
            if row["diverged"]:
                height = axes.get_xaxis_transform()
                axes.plot(place, 0.95, "x", color=WARNING, markersize=4, transform=height)
            elif row["chosen"]:
                axes.plot(place, row["validation_error"], "o", color=look["color"], markersize=8,
                          markerfacecolor="none", clip_on=False)  # fmt: skip
        axes.set_xticks(places, [row["values"] for row in numbers])
        axes.margins(x=0.15)
        doubt = _doubt(choice)
        axes.set_xlabel("\n".join([", ".join(choice.best.values), doubt]).strip())
        axes.xaxis.label.set_color(WARNING if doubt else "black")
        axes.set_ylabel("validation error ↓")
        axes.set_title(f"{_style.label(method)}, {experiment}")
    return drawing, pd.DataFrame(rows)


def _rows(experiment: str, method: str, choice: Choice) -> list[dict[str, Any]]:
    """Write a row per candidate."""
    return [
        {
            "experiment": experiment,
            "method": method,
            "parameters": " ".join(candidate.values),
            "values": " ".join(written(value) for value in candidate.values.values()),
            "validation_error": float("nan") if candidate.diverged else candidate.error,
            "diverged": candidate.diverged or "",
            "chosen": candidate is choice.best,
            "at_end": candidate is choice.best and bool(choice.at_end),
        }
        for candidate in choice.candidates
    ]


def _doubt(choice: Choice) -> str:
    if choice.diverged:
        return "every candidate diverged"
    return "best at an end of the grid" if choice.at_end else ""
