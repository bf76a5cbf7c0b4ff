"""Table 1: relative improvement over single-task networks on CIFAR10, and the size of R_k.

Source: RotoGrad, sections 6.2 and 6.3. The upper block compares methods, the lower one the number
m of features that are rotated; RotoGrad with m = d is in both, as printed.
"""

from collections.abc import Iterator

from ...config import schema
from ...results.tidy import Results
from ._reported import PaperTable

NEEDS = {"methods": ["single_task"], "some_method": "joint"}
FULL = "rotograd"
METHODS, SUBSPACES = "Methods", "Size of R_k"


def _rows(methods: dict[str, schema.Method], run: list[str]) -> Iterator[tuple[str, str, str]]:
    """Put the full rotation at the end of both blocks; single-task networks have no Δ."""
    shown = [m for m in methods if m in run and not methods[m].separate]
    subspaces = [m for m in shown if "m" in methods[m].parameters]
    full = [m for m in shown if m == FULL]
    rest = [m for m in shown if m not in [*subspaces, *full]]
    yield from ((METHODS, m, "") for m in [*rest, *full])
    if subspaces:
        yield from ((SUBSPACES, m, "") for m in subspaces)
        yield from ((SUBSPACES, m, ", m = d") for m in full)


def _features(results: dict[str, Results], *_: object) -> str:
    """How many features there are: the m of rows are shares of them."""
    counts = dict.fromkeys(found.provenance["features"] for found in results.values())
    return f"d = {' and '.join(map(str, counts))}"


build = PaperTable(
    "Relative task improvement Δ (%) on {}",
    {"avg_delta": "avg Δ ↑", "med_delta": "med Δ ↑", "max_delta": "max Δ ↑"},
    subjects={"cifar10": "CIFAR10, 10 binary tasks"},
    rows=_rows,
    clause=_features,
)
