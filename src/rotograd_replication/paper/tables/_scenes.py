"""Table 3 in either convention of averaging over pixels: what both tables share.

Source: RotoGrad, Table 3. A task's Delta is the mean of its metrics' relative improvements over the
single-task network, as the printed averages are; for all tasks, the mean of the three. The paper
prints neither that mean nor the cost relative to Vanilla: both are computed from what it prints.
"""

TITLE = "{}: segmentation, depth and surface normals"
SUBJECTS = {"nyuv2": "NYUv2", "nyuv2_official": "NYUv2"}
SEGMENTATION, DEPTH, NORMALS = "Segmentation", "Depth", "Surface normals"
ALL, COST, DELTA = "All tasks", "Training", "avg Δ (%) ↑"
COLUMNS = {
    "miou": (SEGMENTATION, "mIoU ↑"),
    "pixel_accuracy": (SEGMENTATION, "pixel accuracy ↑"),
    "segmentation_avg_delta": (SEGMENTATION, DELTA),
    "depth_abs_err": (DEPTH, "abs (m) ↓"),
    "depth_rel_err": (DEPTH, "rel ↓"),
    "depth_avg_delta": (DEPTH, DELTA),
    "normal_angle_mean": (NORMALS, "mean (°) ↓"),
    "normal_angle_median": (NORMALS, "median (°) ↓"),
    "normal_within_11_25": (NORMALS, "≤ 11.25° (%) ↑"),
    "normal_within_22_5": (NORMALS, "≤ 22.5° (%) ↑"),
    "normal_within_30": (NORMALS, "≤ 30° (%) ↑"),
    "normal_avg_delta": (NORMALS, DELTA),
    "scenes_avg_delta": (ALL, DELTA),
    "hours": (COST, "hours ↓"),
    "relative_hours": (COST, "× Vanilla ↓"),
}


def clause(*_: object) -> str:
    """Say what both captions say of the numbers."""
    return (
        "hours are of a whole run, of all its networks; reported averages over all tasks and costs "
        "relative to Vanilla are computed from the printed cells"
    )
