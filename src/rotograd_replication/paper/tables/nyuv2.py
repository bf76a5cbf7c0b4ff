"""Table 3 in MTAN's convention: errors and angles are means (medians) of test batches of 2."""

import pandas as pd

from ...config import schema
from ...results.tidy import Results
from ..table_format import Table
from . import _nyuv2

CONVENTION = (
    "Convention: MTAN's; depth and normals are measured per test batch and averaged over batches "
    "(the median is a mean of medians), segmentation from one confusion matrix."
)


def build(
    results: dict[str, Results], study: schema.Study, reported: pd.DataFrame, caption: str
) -> Table:
    """The table the paper's numbers are compared in: its set-up is MTAN's."""
    return _nyuv2.build(results, study, reported, f"{caption} {CONVENTION}", "")
