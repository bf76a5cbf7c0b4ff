"""Table 3 in MTAN's convention: errors and angles are means (medians) of test batches of 2."""

import pandas as pd

from .. import schema
from ..render import Table
from ..results import Results
from . import _nyuv2

# As the paper names a metric -> as it is measured.
METRICS = {
    "miou": "miou",
    "pixel_accuracy": "pixel_accuracy",
    "depth_abs_err": "abs_err",
    "depth_rel_err": "rel_err",
    "normal_angle_mean": "angle_mean",
    "normal_angle_median": "angle_median",
    "normal_within_11_25": "within_11_25",
    "normal_within_22_5": "within_22_5",
    "normal_within_30": "within_30",
}
CONVENTION = (
    "Convention: MTAN's; depth and normals are measured per test batch and averaged over batches "
    "(the median is a mean of medians), segmentation from one confusion matrix."
)


def build(
    results: dict[str, Results], study: schema.Study, reported: pd.DataFrame, caption: str
) -> Table:
    """The table the paper's numbers are compared in: its set-up is MTAN's."""
    return _nyuv2.build(results, study, reported, f"{caption} {CONVENTION}", METRICS)
