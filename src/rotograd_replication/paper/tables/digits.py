"""Table 2: two-digit images; the four digit tasks, and the active pixels, which are unrelated.

Source: RotoGrad, section 6.3. Another experiment with the same tasks is another group of columns.
"""

from ._reported import PaperTable

NEEDS = {"tasks": {"left": [], "right": [], "sum": [], "parity": [], "active": ["mse"]}}

build = PaperTable(
    "Two-digit images: digit tasks and the unrelated task",
    {"digits_avg_delta": "digits avg Δ ↑", "active_pixels_mse": "active pixels MSE ↓"},
    groups={"mnist": "MNIST", "mnist_standin": "MNIST", "svhn": "SVHN", "svhn_standin": "SVHN"},
)
