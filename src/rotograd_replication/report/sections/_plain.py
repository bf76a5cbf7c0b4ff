"""A table as its own file has it: medians and spreads, for those that the verdicts do not cover."""

import math
from pathlib import Path
from typing import Any

import pandas as pd

from . import _text

ROWS, COLUMNS = ("block", "method"), ("data", "quantity", "source")


def reports(csv: Path) -> bool:
    """Say whether a table has a number of the paper's."""
    return "reported" in set(pd.read_csv(csv, usecols=["source"])["source"])


def read(csv: Path) -> dict[str, Any]:
    """Read headings, and a row of cells (text, value, runs) per method; None if one is empty."""
    tidy = pd.read_csv(csv, keep_default_na=False, na_values={"value": "", "std": ""})
    rows, columns = ([n for n in names if n in tidy] for names in (ROWS, COLUMNS))
    cells: dict[tuple[Any, ...], dict[str, Any]] = {}
    for entry in tidy.to_dict("records"):
        key = (tuple(entry[n] for n in rows), tuple(entry[n] for n in columns))
        cells[key] = {str(name): value for name, value in entry.items()}
    headings = list(dict.fromkeys(key[1] for key in cells))
    spans = {h: max(abs(e["value"]) for key, e in cells.items() if key[1] == h) for h in headings}
    digits = {heading: _text.decimals(span) for heading, span in spans.items()}
    body = []
    for name in dict.fromkeys(key[0] for key in cells):
        found = [(h, cells.get((name, h))) for h in headings]
        body.append({"name": name, "cells": [e and _cell(e, digits[h]) for h, e in found]})
    return {"index": rows, "headings": [" · ".join(heading) for heading in headings], "rows": body}


def _cell(entry: dict[str, Any], digits: int) -> dict[str, Any]:
    spread = "" if math.isnan(entry["std"]) else f" ± {_text.fixed(entry['std'], digits)}"
    text = _text.fixed(entry["value"], digits) + spread
    return {"text": text, "value": entry["value"], "runs": entry["runs"], "best": entry["best"]}
