"""Table 2: two-digit images; the four digit tasks, and the active pixels, which are unrelated.

Source: RotoGrad, section 6.3. Another experiment with the same tasks becomes another group of
columns: name it in `groups`, and in the study's `tables`.
"""

from ._reported import PaperTable

build = PaperTable(
    "Two-digit images: digit tasks and the unrelated task",
    {"digits_avg_delta": "digits avg Δ ↑", "active_pixels_mse": "active pixels MSE ↓"},
    groups={"digits": "MNIST", "digits_svhn": "SVHN"},
)
