"""Table 3 in the global convention: every valid pixel of the test split counts the same."""

import pandas as pd

from ...config import schema
from ...results.tidy import Results
from ..table_format import Table
from . import _nyuv2

CONVENTION = (
    "Convention: global; depth and normals are measured over all valid pixels of the test split "
    "(the median is exact to 0.0005°), where the reported numbers most likely follow MTAN's."
)


def build(
    results: dict[str, Results], study: schema.Study, reported: pd.DataFrame, caption: str
) -> Table:
    """The same runs without the weight that averaging over batches gives to sparse ones."""
    return _nyuv2.build(results, study, reported, f"{caption} {CONVENTION}", "_global")
