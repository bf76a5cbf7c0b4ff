"""Table 2: two-digit images; the four digit tasks, and the active pixels, which are unrelated.

Source: RotoGrad, section 6.3. Another experiment with the same tasks is another group of columns.
"""

from ...config import schema
from ...results.quantities import Paper
from ...results.tidy import Results
from ._reported import PaperTable

NEEDS = {"tasks": {"left": [], "right": [], "sum": [], "parity": [], "active": ["mse"]}}


def _doubts(results: dict[str, Results], study: schema.Study, paper: Paper) -> str:
    """Say what is in doubt of the reported numbers."""
    return " ".join(paper.experiments[e].doubt for e in results if e in paper.experiments).strip()


build = PaperTable(
    "Two-digit images: digit tasks and the unrelated task",
    {"digits_avg_delta": "digits avg Δ ↑", "active_pixels_mse": "active pixels MSE ↓"},
    groups={"mnist": "MNIST", "mnist_standin": "MNIST", "svhn": "SVHN", "svhn_standin": "SVHN"},
    remark=_doubts,
)
