"""What a method costs next to the backbone: step time over K, m and B, and what bounds it.

    python benchmarks/scaling.py [--repeats N] [--threads N]
    python benchmarks/scaling.py --draw

A method's part of a step (views, task gradients at z, combination, learning, optimiser) with one
linear head a task, on random features of D = max(m, 512), one of K, m and B varied at a time around
K = 10, m = 512, B = 128; Vanilla's part, taken in turn, is taken off. Multiplications and additions
are counted by torch's formulas, bytes as the sizes of every operation's inputs and outputs. Rows go
into `paper_tables/scaling.csv` as they are measured, and the same command goes on with what is
left. `--draw` makes `paper_tables/scaling.md` and `figures/scaling.{pdf,png}` of them.
"""

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path

import cost_report
import matplotlib
import pandas as pd
import step_time
import torch
from contenders import away
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from rotograd_replication import plugins
from rotograd_replication.config import schema
from rotograd_replication.config.settings import values
from rotograd_replication.files import atomic as records
from rotograd_replication.models import network
from rotograd_replication.runtime import rng
from rotograd_replication.runtime.device import make_deterministic
from rotograd_replication.training import optimizers

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[1]
CSV = ROOT / "paper_tables" / "scaling.csv"
ROTATED = [f"rotograd_{one}" for one in plugins.names("rotations")]
METHODS = [*ROTATED, "pcgrad", "mgda", "graddrop", "gradnorm"]
BASE = {"K": 10, "m": 512, "B": 128}
SWEEP = {"K": [2, 5, 10, 20, 40, 80], "m": [64, 128, 256, 512, 1024, 2048], "B": [2, 32, 128, 512]}
# A derivative of the exponential at m = 2048 would take minutes a step.
LARGEST = {"rotograd_exponential": 1024}
LINES = {"exponential": "-", "dynamic": "--", "straight_through": ":"}


class Count(TorchDispatchMode):
    """Adds up what every operation reads and writes, and the work of products."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = self.flop = 0

    def __torch_dispatch__(self, function, kinds, args=(), kwargs=None):  # noqa: ANN001, ANN204
        result = function(*args, **(kwargs or {}))
        tensors = [x for x in tree_leaves((args, kwargs, result)) if torch.is_tensor(x)]
        if not function.is_view:
            self.bytes += sum(x.numel() * x.element_size() for x in tensors)
        # torch knows the work of `baddbmm`, not that of `baddbmm_`, in place.
        name = function._overloadpacket.__name__.rstrip("_")
        if work := flop_registry.get(getattr(torch.ops.aten, name, None)):
            self.flop += work(*args, **(kwargs or {}), out_val=result)
        return result


def entry(name: str) -> schema.Method:
    """A method of the paper study, whatever its parametrisation of rotations."""
    plain, _ = cost_report.variant(name)
    experiments = step_time.study().experiments.values()
    return next(one.methods[plain] for one in experiments if plain in one.methods)


class Part:
    """A method's part of a step."""

    def __init__(self, name: str, tasks: int, m: int, batch: int) -> None:
        settings = values(entry(name))
        features = max(m, BASE["m"])
        if chosen := cost_report.variant(name)[1]:
            settings["parameters"] |= {"m": m, "parametrisation": chosen}
        self.method = network.build_method(settings, tasks, features, rng.generator(0, 1))
        if chosen:
            away(chosen, self.method.rotations.parameters())
        self.z = torch.randn(batch, features)
        self.heads = torch.randn(tasks, features, 1, requires_grad=True)
        rotation = {"name": "radam", "learning_rate": 5e-4}
        groups = self.method.param_groups(rotation)
        self.optimizers = [optimizers.build(*group) for group in groups]
        self.steps = 0

    def step(self) -> None:
        """Views, heads, task gradients, combination, learning."""
        self.steps += 1
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        views = self.method.task_features(self.z).detach().requires_grad_()
        losses = torch.bmm(views, self.heads).square().mean((1, 2))
        at_views, _ = torch.autograd.grad(losses.sum(), [views, self.heads])
        taken = self.method.pull_back(self.z, losses.detach(), at_views)
        self.method.combine(taken)
        self.method.accumulate_own_gradients(taken)
        for optimizer in self.optimizers:
            optimizer.step()
        self.method.after_optimizer_step(self.steps)


def measure(name: str, sizes: dict[str, int], repeats: int) -> dict[str, object]:
    """One row: a step's seconds beyond Vanilla's, GFLOP and GB; counts are means over a period."""
    base, part = (Part(one, *sizes.values()) for one in ("vanilla", name))
    both = step_time.pairs(base.step, part.step, torch.device("cpu"), repeats, 4)
    low, beyond, high = step_time.quartiles([mine - vanilla for vanilla, mine in both])
    period = getattr(getattr(part.method, "rotations", None), "period", 1)
    counts = []
    for part.steps in (0, period - 1):  # one without the Newton-Schulz step, one with it
        with Count() as found:
            part.step()
        counts.append(torch.tensor([found.flop, found.bytes], dtype=torch.double))
    gflop, gbyte = ((counts[0] * (period - 1) + counts[1]) / period / 1e9).tolist()
    times = {"beyond": beyond, "beyond_low": low, "beyond_high": high, "pairs": len(both)}
    return times | {"gflop": gflop, "gbyte": gbyte}


def draw(rows: pd.DataFrame) -> None:
    """Write the table and the figure."""
    rows = rows.sort_values(["K", "m", "B"], kind="stable")
    peak, width = rows["peak_gflop_per_s"].median(), rows["peak_gbyte_per_s"].median()
    rows["bound"] = [
        "operations" if row.gflop / peak > row.gbyte / width else "bytes"
        for row in rows.itertuples()
    ]
    rows["ms beyond Vanilla"] = 1e3 * rows["beyond"]
    rows["quartiles"] = [
        "" if pd.isna(low) else f"{1e3 * low:.3g} to {1e3 * high:.3g}"
        for low, high in zip(rows["beyond_low"], rows["beyond_high"], strict=True)
    ]
    columns = ["method", "K", "m", "B", "ms beyond Vanilla", "quartiles", "gflop", "gbyte", "bound"]
    text = rows[columns].rename(columns={"gflop": "GFLOP", "gbyte": "GB"})
    with records.atomic(ROOT / "paper_tables" / "scaling.md") as temporary:
        temporary.write_text(
            "### What a method adds to a step, over K, m and B\n\n"
            f"{text.to_markdown(index=False, floatfmt='.3g')}\n\n"
            "Medians and quartiles over neighbouring steps of Vanilla and the method, without a "
            f"backbone, by `benchmarks/scaling.py`. {cost_report.made(rows, 'method')} GFLOP are "
            "of products, GB what every operation reads and writes; the bound is the longer of "
            f"the two at {peak:.0f} GFLOP/s and {width:.0f} GB/s, measured next to them.\n"
        )
    figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), sharey=True, layout="constrained")
    for axis, (name, ticks) in zip(axes, SWEEP.items(), strict=True):
        others = [other for other in BASE if other != name]
        swept = rows[(rows[others] == [BASE[other] for other in others]).all(axis=1)]
        for method, group in swept.groupby("method", sort=False):
            group, known = group.sort_values(name), entry(method)
            style = {"color": known.colour, "marker": known.marker, "label": known.label}
            if chosen := cost_report.variant(method)[1]:
                style |= {"linestyle": LINES[chosen], "label": f"{known.label}, {chosen}"}
            axis.plot(group[name], 1e3 * group["beyond"].clip(lower=0.05e-3), ms=3, **style)
        axis.set(xscale="log", yscale="log", xlabel=name)
        axis.set_xticks(ticks, list(map(str, ticks)), fontsize=7)
        axis.minorticks_off()
        axis.grid(linewidth=0.3)
    axes[0].set_ylabel("ms a step beyond Vanilla's")
    lines, labels = axes[0].get_legend_handles_labels()
    style = {"ncols": 4, "fontsize": 6, "handlelength": 4, "frameon": False}
    figure.legend(lines, labels, loc="outside upper center", **style)
    for kind in ("pdf", "png"):
        with records.atomic(ROOT / "figures" / f"scaling.{kind}") as temporary:
            figure.savefig(temporary, dpi=200)


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--draw", action="store_true", help="only draw what was measured")
    arguments = parser.parse_args()
    if not arguments.draw:
        make_deterministic(arguments.threads)
        known = step_time.facts(torch.device("cpu"), arguments.threads)
        a, large = torch.randn(2048, 2048), torch.randn(1 << 26)
        rates = {
            "peak_gflop_per_s": 2 * 2048**3 / fastest(lambda: a @ a) / 1e9,
            "peak_gbyte_per_s": 3 * 4 * large.numel() / fastest(lambda: large + large) / 1e9,
        }
        sizes = {tuple((BASE | {k: v}).items()) for k, values in SWEEP.items() for v in values}
        for one in map(dict, sorted(sizes)):
            for name in METHODS:
                row = {"method": name} | one | known
                if one["m"] <= LARGEST.get(name, math.inf) and not step_time.there(CSV, row):
                    row |= measure(name, one, arguments.repeats) | rates
                    step_time.keep(CSV, row, ["method", *one, "kind"])
            print(one, flush=True)
    draw(step_time.read(CSV))


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of five."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
