"""The table and the figure of measured step times, next to the paper's ratios of hours."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

from rotograd_replication import plugins
from rotograd_replication.config import load as config
from rotograd_replication.files import atomic as records

# Workload -> heading, and its name among the reported hours.
HEADINGS = {
    "cifar10": ("CIFAR10, ResNet18", None),
    "celeba_conv": ("CelebA, convolutional", "celeba_conv"),
    "celeba_resnet": ("CelebA, ResNet18", "celeba_resnet18"),
    "nyuv2": ("NYUv2, SegNet", "nyuv2"),
    "digits": ("Two-digit MNIST, LeNet", None),
}
# What a step of the workload's RotoGrad was meant to cost at most, relative to Vanilla's.
TARGETS = {
    "cifar10": ("rotograd", 1.15),
    "celeba_conv": ("rotograd_50", 1.25),
    "celeba_resnet": ("rotograd_75", 1.25),
    "nyuv2": ("rotograd_subspace", 1.05),
    "digits": ("rotograd", 1.3),
}
# What our rotations' parametrisations are, as their files in `methods/rotations/` have it.
MAPS = {
    "exponential": "the paper's static map, R_0 exp(A), with the derivative of its exponential",
    "dynamic": "R exp(A) from where R is, two products a step",
    "straight_through": "R_0 exp(A) with M - M^T as A's gradient, no derivative of exp",
}
# Foreign packages, each called as its own documentation calls it.
FOREIGN = (
    "The official package's step is that of its README and documentation "
    "(https://github.com/adrianjav/rotograd, https://rotograd.readthedocs.io): an optimiser of "
    "backbone and heads, one of `model.parameters()`, the rotations; forward pass and "
    "`model.backward(losses)` under `rotograd.cached()`, for which torch's "
    "`parametrize.cached` stands in, as geotorch 0.4 has no other. TorchJD's is that of its README "
    "(https://github.com/SimplexLab/TorchJD): `mtl_backward(losses, features=z)`, then "
    "`jac_to_grad(shared parameters, aggregator)`; with `parallel_chunk_size=1`, the option that "
    "its documentation offers for less memory, one task at a time, and for PCGrad also with its "
    "default, all tasks at once. Its Jacobians are of all shared parameters, ours of z alone."
)


def label(root: Path, workload: str, name: str) -> str:
    """A contender in words."""
    if name.startswith("torchjd_"):
        aggregator, *at_once = name.removeprefix("torchjd_").split("_", 1)
        return f"{aggregator}, TorchJD" + (", tasks at once" if at_once else "")
    if name == "official":
        return "RotoGrad, official package"
    methods = config.load_study(root / "configs", "paper").experiments[workload].methods
    return methods[name if name in methods else variant(name)[0]].label


def variant(name: str) -> tuple[str, str | None]:
    """`rotograd_dynamic` -> `rotograd` and its parametrisation `dynamic`; None: as configured."""
    for one in plugins.names("rotations"):
        if name.endswith(f"_{one}"):
            return name.removesuffix(f"_{one}"), one
    return name, None


def paper(root: Path, workload: str, name: str) -> float:
    """The paper's hours of a method relative to Vanilla's; NaN where it prints none."""
    reported = pd.read_csv(root / "configs" / "paper" / "reported.csv")
    chosen = reported[
        (reported["experiment"] == HEADINGS[workload][1]) & (reported["metric"] == "hours")
    ].set_index("method")["value"]
    plain = name.removesuffix("_subspace").removesuffix("_50").removesuffix("_75")
    return float(chosen.get(plain, float("nan")) / chosen.get("vanilla", float("nan")))


def table(root: Path, rows: pd.DataFrame, memory: pd.DataFrame) -> pd.DataFrame:
    """One row per contender, in the order of the workloads and of their cost."""
    peaks = memory.set_index(["workload", "contender"])["peak_ratio"]
    place = {name: i for i, name in enumerate(HEADINGS)}
    rows = rows.sort_values(["workload", "ratio"], key=lambda s: s.map(place).fillna(s))
    found = []
    for row in rows.itertuples():
        rotated, target = TARGETS[row.workload]
        measured = not pd.isna(row.ratio)
        found.append(
            {
                "workload": f"{HEADINGS[row.workload][0]}, batch {int(row.batch)}",
                "step of": label(root, row.workload, row.contender),
                "m": "" if pd.isna(row.m) else f"{int(row.m)}",
                "rotations": "" if pd.isna(row.parametrisation) else row.parametrisation,
                "× Vanilla": _number(row.ratio) if measured else row.note,
                "quartiles": f"{row.ratio_low:.2f} to {row.ratio_high:.2f}" if measured else "",
                "target": f"≤ {target}" if variant(row.contender)[0] == rotated else "",
                "paper, hours × Vanilla": _number(paper(root, row.workload, row.contender)),
                "peak memory, × Vanilla": _number(
                    peaks.get((row.workload, row.contender), float("nan"))
                ),
                "images/s": f"{row.batch / row.seconds:.3g}" if measured else "",
                "backbone, share of peak": f"{_share(row):.0%}" if measured else "",
                "pairs": f"{int(row.pairs)}" if measured else "",
            }
        )
    return pd.DataFrame(found)


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.2f}"


def _share(row: object) -> float:
    """The backbone's work in a second of Vanilla's step, of a large product's in one."""
    return row.backbone_gflop / row.vanilla_seconds / row.peak_gflop_per_s


def made(rows: pd.DataFrame, by: str, within: str | None = None) -> str:
    """What rows of measurements were made with, in a sentence.

    Args:
        rows: one a measurement.
        by: the column that names what was measured.
        within: the column that tells its rows apart, where they were made with different things.
    """
    columns = ["device", "cores", "threads", "versions", "revision"]
    rows = rows.astype(dict.fromkeys(columns, object)).fillna(dict.fromkeys(columns, "?"))
    several = rows.groupby(by)[columns].transform("nunique").gt(1).any(axis=1)
    names = rows[by] + (" " + rows[within]).where(several, "") if within else rows[by]
    sentences = []
    for (device, cores, threads, versions, revision), group in names.groupby(
        [rows[column] for column in columns], sort=False
    ):
        count = cores if cores == "?" else f"{cores:g}"
        sentences.append(
            (f"{', '.join(dict.fromkeys(group))}: " if len(group) < len(rows) else "")
            + f"{device}, {count} cores, {threads} threads, {versions} (revision {revision})"
        )
    return f"Measured on, where a ? was not recorded: {'; '.join(sentences)}."


def draw(root: Path, rows: pd.DataFrame, memory: pd.DataFrame) -> None:
    """Write `paper_tables/cost.md` and `figures/cost.{pdf,png}`.

    Args:
        root: the checkout.
        rows: what `step_time.py` measured.
        memory: what `memory.py` measured.
    """
    used = [one for one in MAPS if one in set(rows["parametrisation"])]
    text = (
        "### Cost of a training step, relative to Vanilla's\n\n"
        f"{table(root, rows, memory).to_markdown(index=False, disable_numparse=True)}\n\n"
        "Median and quartiles over pairs of neighbouring steps on random inputs, by "
        "`benchmarks/step_time.py`; a row of one pair is that of the first steps. "
        f"{made(rows, 'workload', 'contender')} A "
        "share of peak is that of a float32 product of 2048 x 2048 in the same process; above 100% "
        "fewer operations are made than torch counts, those of direct convolution. Peak memory "
        "is that of two steps in a process of their own, by `benchmarks/memory.py`. The "
        "paper's ratios are of whole trainings on an A100, from the NeurIPS 2021 submission.\n\n"
        f"Rotations: {'; '.join(f'`{one}`, {MAPS[one]}' for one in used)}. {FOREIGN}\n"
    )
    with records.atomic(root / "paper_tables" / "cost.md") as temporary:
        temporary.write_text(text)
    rows = rows.dropna(subset="ratio")
    present = [name for name in HEADINGS if name in set(rows["workload"])]
    counts = [int((rows["workload"] == name).sum()) for name in present]
    figure, axes = plt.subplots(
        len(present), 1, figsize=(5.5, 0.22 * sum(counts) + 0.6 * len(present)), sharex=True,
        gridspec_kw={"height_ratios": counts}, layout="constrained", squeeze=False,
    )  # fmt: skip
    for axis, name in zip(axes[:, 0], present, strict=True):
        _panel(root, axis, name, rows[rows["workload"] == name].sort_values("ratio"))
    axes[-1, 0].set_xlabel("step time, × Vanilla's (ring: the paper's hours)", fontsize=8)
    for kind in ("pdf", "png"):
        with records.atomic(root / "figures" / f"cost.{kind}") as temporary:
            figure.savefig(temporary, dpi=200)
    plt.close(figure)


def _panel(root: Path, axis: plt.Axes, workload: str, rows: pd.DataFrame) -> None:
    """One workload: a dot and its quartiles per contender, a ring where the paper has a ratio."""
    for y, row in enumerate(rows.itertuples()):
        foreign = row.contender.startswith("torchjd_") or row.contender == "official"
        colour = "#d55e00" if foreign else "#0050b5"
        axis.plot([row.ratio_low, row.ratio_high], [y, y], color=colour, linewidth=1)
        axis.plot(row.ratio, y, "s" if foreign else "o", color=colour, markersize=4)
        axis.plot(paper(root, workload, row.contender), y, "o", mfc="none", color="#4d4d4d")
    labels = [
        label(root, workload, row.contender)
        + ("" if pd.isna(row.parametrisation) else f", {row.parametrisation}")
        for row in rows.itertuples()
    ]
    axis.set_yticks(range(len(rows)), labels, fontsize=7)
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.tick_params(axis="x", labelsize=7)
    axis.axvline(1, color="#4d4d4d", linewidth=0.8, linestyle=":")
    axis.set_xscale("log")
    axis.set_xticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
    axis.minorticks_off()
    axis.set_title(HEADINGS[workload][0], fontsize=8, loc="left")
    axis.grid(axis="x", linewidth=0.3)
