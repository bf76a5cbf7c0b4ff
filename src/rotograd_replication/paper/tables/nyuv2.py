"""Table 3 in MTAN's convention: errors and angles are means (medians) of test batches of 2."""

from ._reported import PaperTable
from ._scenes import COLUMNS, TITLE, clause

build = PaperTable(
    TITLE,
    COLUMNS,
    start="Convention: MTAN's; depth and normals are measured per test batch and averaged over "
    "batches (the median is a mean of medians), segmentation from one confusion matrix.",
    clause=clause,
)
