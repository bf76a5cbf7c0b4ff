"""Table 3 in the global convention: every valid pixel of the test split counts the same."""

from ...config.schema import GLOBAL
from ._reported import PaperTable
from ._scenes import COLUMNS, SUBJECTS, TITLE, clause

NEEDS = {
    "experiments": 1,
    "tasks": {
        "segmentation": ["miou", "pixel_accuracy"],
        "depth": ["abs_err_global", "rel_err_global"],
        "normals": [
            "angle_mean_global",
            "angle_median_global",
            "within_11_25_global",
            "within_22_5_global",
            "within_30_global",
        ],
    },
}

build = PaperTable(
    TITLE,
    COLUMNS,
    SUBJECTS,
    convention=GLOBAL,
    start="Convention: global; depth and normals are measured over all valid pixels of the test "
    "split (the median is exact to 0.0005°), where the reported numbers most likely follow MTAN's.",
    clause=clause,
)
