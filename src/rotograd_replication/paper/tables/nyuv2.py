"""Table 3 in MTAN's convention: errors and angles are means (medians) of test batches of 2."""

from ._reported import PaperTable
from ._scenes import COLUMNS, SUBJECTS, TITLE, clause

NEEDS = {
    "experiments": 1,
    "tasks": {
        "segmentation": ["miou", "pixel_accuracy"],
        "depth": ["abs_err", "rel_err"],
        "normals": ["angle_mean", "angle_median", "within_11_25", "within_22_5", "within_30"],
    },
}

build = PaperTable(
    TITLE,
    COLUMNS,
    SUBJECTS,
    start="Convention: MTAN's; depth and normals are measured per test batch and averaged over "
    "batches (the median is a mean of medians), segmentation from one confusion matrix.",
    clause=clause,
)
