"""Table 4: F1 over CelebA's forty tasks, and the hours that a run takes, with two networks.

Source: RotoGrad, section 6.3. Hours depend on the machine: those relative to vanilla, which the
paper's follow from, can be compared.
"""

import pandas as pd

from ...config import schema
from ...results.tidy import Results
from ._reported import PaperTable

NEEDS = {"metric": "f1", "fewest_tasks": 2}


def _shares(results: dict[str, Results], study: schema.Study) -> str:
    """Say what is rotated: the share differs between the networks, so rows cannot."""
    parts = []
    headings = build.headings(study, results)
    for experiment, found in results.items():
        methods = study.experiments[experiment].methods
        turned = [methods[m].parameters for m in found.methods if methods[m].module == "rotate"]
        shares = {p["m"].value if "m" in p else "all" for p in turned}
        size = " or ".join(str(share) for share in sorted(shares, key=str))
        rotated = f", {size} of it rotated" if turned else ""
        parts.append(f"{headings[experiment]}: d = {found.provenance['features']}{rotated}")
    return "; ".join(parts) + "."


def _negative(results: dict[str, Results]) -> str:
    """How many cells have found no positive at all."""
    tests = pd.concat([found.tests for found in results.values()])
    values = tests.loc[tests["metric"] == "f1", "value"].dropna()
    return (
        "A task whose positives are all missed has F1 = 0: "
        f"{(values == 0).sum()} of {len(values)} (task, run) cells."
    )


def _remark(results: dict[str, Results], study: schema.Study, *_: object) -> str:
    return f"{_shares(results, study)} {_negative(results)}"


build = PaperTable(
    "{}: F1 (%) over tasks, and hours per run",
    {
        "min_f1": "min F1 ↑",
        "med_f1": "med F1 ↑",
        "avg_f1": "avg F1 ↑",
        "std_f1": "std F1 ↓",
        "hours": "hours ↓",
        "relative_hours": "hours / vanilla ↓",
    },
    subjects={"celeba": "CelebA, 40 binary tasks"},
    groups={"convnet": "Convolutional", "resnet18": "ResNet18"},
    remark=_remark,
)
