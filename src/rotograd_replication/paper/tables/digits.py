"""Table 2: two-digit images; the four digit tasks, and the active pixels, which are unrelated.

Source: RotoGrad, section 6.3. Another experiment with the same tasks (the paper's SVHN) becomes
another group of columns: name it in `PAPER`, and in the study's `tables`.
"""

import pandas as pd

from ...config import schema
from ...results import relative_improvement
from ...results.tidy import Results
from ..table_format import Table
from . import _compare

# Experiment -> its name in the paper's table.
PAPER = {"digits": "mnist", "digits_svhn": "svhn"}
HEADINGS = {"mnist": "MNIST", "svhn": "SVHN"}
UNRELATED = "active"
DIGITS, PIXELS = "digits avg Δ ↑", "active pixels MSE ↓"
METRICS = {DIGITS: "digits_avg_delta", PIXELS: "active_pixels_mse"}


def build(
    results: dict[str, Results], study: schema.Study, reported: pd.DataFrame, caption: str
) -> Table:
    """Median and standard deviation over seeds of avg Delta (digit tasks) and of the MSE."""
    cells = {}
    baselines = set()
    for experiment, found in results.items():
        paper_name = PAPER[experiment]
        methods = study.experiments[experiment].methods
        ours = _summaries(found.tests)
        for name in (m for m in methods if m in found.methods):
            method = methods[name]
            paper = _compare.reported(reported, paper_name, (method.reported_as, name))
            label = _compare.label(method, name, results.values())
            baselines |= {label} if method.separate else set()
            for quantity, metric in METRICS.items():
                column = ("", label, HEADINGS[paper_name], quantity)
                cell = ours[quantity].loc[name]
                hidden = method.separate and quantity == DIGITS  # zero by definition
                cells[*column, "replicated"] = cell * float("nan") if hidden else cell
                cells[*column, "reported"] = paper.reindex([metric]).iloc[0]
    return _compare.table(
        "Two-digit images: digit tasks and the unrelated task",
        f"{caption} Median ± standard deviation over seeds"
        f"{'; the single-task row does not compete' if baselines else ''}."
        f"{_compare.undefined(results)}",
        cells,
        higher={DIGITS: True, PIXELS: False},
        exclude=baselines,
    )


def _summaries(tests: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Quantity -> a row per method with value, std and runs."""
    pixels = tests[tests["task"] == UNRELATED].set_index(["method", "seed"])["value"]
    return {
        DIGITS: relative_improvement.over_seeds(
            relative_improvement.over_tasks(_digits(tests))["avg"]
        ).droplevel("quantity"),
        PIXELS: relative_improvement.over_seeds(pixels).droplevel("quantity"),
    }


def _digits(tests: pd.DataFrame) -> pd.DataFrame:
    """The rows of the four digit tasks."""
    return tests[tests["task"] != UNRELATED]
