"""What a method costs beside the backbone: step time over K, m and B, and what bounds it.

    python benchmarks/scaling.py [--repeats N] [--threads N]
    python benchmarks/scaling.py --draw

A method's part of a step (views, task gradients at z, combination, learning, optimiser) with one
linear head a task, on random features of D = max(m, 512), one of K, m and B varied at a time around
K = 10, m = 512, B = 128; Vanilla's part is taken off. Multiplications and additions are counted by
torch's formulas, bytes as the sizes of every operation's inputs and outputs. Writes
`paper_tables/scaling.{csv,md}` and `figures/scaling.{pdf,png}`.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib
import pandas as pd
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from rotograd_replication import config, network, records, runtime, schema

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[1]
CSV = ROOT / "paper_tables" / "scaling.csv"
METHODS = ["vanilla", "rotograd", "rotograd_static", "pcgrad", "mgda", "graddrop", "gradnorm"]
BASE = {"K": 10, "m": 512, "B": 128}
SWEEP = {"K": [2, 5, 10, 20, 40, 80], "m": [64, 128, 256, 512, 1024, 2048], "B": [2, 32, 128, 512]}
# The static map at m = 2048 would take minutes a step.
LARGEST = {"rotograd_static": 1024}


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
    """A method of any study that has it."""
    studies = (config.load_study(ROOT / "configs", study) for study in ("rotations", "paper"))
    experiments = (one for study in studies for one in study.experiments.values())
    return next(one.methods[name] for one in experiments if name in one.methods)


class Part:
    """A method's part of a step."""

    def __init__(self, name: str, tasks: int, m: int, batch: int) -> None:
        settings = config.values(entry(name))
        features = max(m, BASE["m"])
        if "parametrisation" in settings["parameters"]:
            settings["parameters"]["m"] = m
        self.method = network.build_method(settings, tasks, features, runtime.generator(0, 1))
        for key, parameter in self.method.named_parameters():
            if key.endswith("original"):  # a static map costs more away from its start
                torch.nn.init.normal_(parameter, std=0.5 / m**0.5)
        self.z = torch.randn(batch, features)
        self.heads = torch.randn(tasks, features, 1, requires_grad=True)
        groups = self.method.groups(5e-4)
        self.optimizer = torch.optim.RAdam(groups) if groups else None
        self.steps = 0

    def step(self) -> None:
        """Views, heads, task gradients, combination, learning."""
        self.steps += 1
        if self.optimizer:
            self.optimizer.zero_grad()
        views = self.method.view(self.z).detach().requires_grad_()
        losses = torch.bmm(views, self.heads).square().mean((1, 2))
        at_views, _ = torch.autograd.grad(losses.sum(), [views, self.heads])
        taken = self.method.step(self.z, losses.detach(), at_views)
        self.method.combine(taken)
        self.method.learn(taken)
        if self.optimizer:
            self.optimizer.step()
        self.method.settle(self.steps)


def measure(name: str, sizes: dict[str, int], repeats: int) -> dict[str, object]:
    """One row: median seconds, GFLOP and GB of a step; counts are means over a whole period."""
    part = Part(name, sizes["K"], sizes["m"], sizes["B"])
    part.step()
    period = part.method.rotations.period if name == "rotograd" else 1
    seconds, begun = [], time.perf_counter()
    while len(seconds) < 2 or (len(seconds) < repeats and time.perf_counter() - begun < 4):
        start = time.perf_counter()
        part.step()
        seconds.append(time.perf_counter() - start)
    counts = []
    for part.steps in (0, period - 1):  # one without the Newton-Schulz step, one with it
        with Count() as found:
            part.step()
        counts.append(torch.tensor([found.flop, found.bytes], dtype=torch.double))
    gflop, gbyte = ((counts[0] * (period - 1) + counts[1]) / period / 1e9).tolist()
    share = {"gflop": gflop, "gbyte": gbyte}
    return {"method": name, **sizes, "seconds": statistics.median(seconds), **share}


def draw(rows: pd.DataFrame) -> None:
    """Write the table and the figure."""
    key = ["K", "m", "B"]
    base = rows[rows["method"] == "vanilla"].set_index(key)["seconds"]
    rows = rows[rows["method"] != "vanilla"].copy()
    rows["beyond"] = rows["seconds"] - base.reindex(rows[key].apply(tuple, axis=1)).to_numpy()
    machine = f"{rows['device'].iloc[0]}, {rows['threads'].iloc[0]} threads"
    peak, width = rows["peak_gflop_per_s"].median(), rows["peak_gbyte_per_s"].median()
    rows["bound"] = [
        "operations" if row.gflop / peak > row.gbyte / width else "bytes"
        for row in rows.itertuples()
    ]
    table = rows.assign(**{"ms beyond Vanilla": 1e3 * rows["beyond"]})
    columns = ["method", *key, "ms beyond Vanilla", "gflop", "gbyte", "bound"]
    text = table[columns].rename(columns={"gflop": "GFLOP", "gbyte": "GB"})
    (ROOT / "paper_tables" / "scaling.md").write_text(
        "### What a method adds to a step, over K, m and B\n\n"
        f"{text.to_markdown(index=False, floatfmt='.3g')}\n\n"
        f"Medians by `benchmarks/scaling.py` on {machine}, shared with other work, without a "
        "backbone. GFLOP are of products, GB what every operation reads and writes; the bound is "
        f"the longer of the two at {peak:.0f} GFLOP/s and {width:.0f} GB/s, measured beside.\n"
    )
    figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), sharey=True, layout="constrained")
    for axis, (name, values) in zip(axes, SWEEP.items(), strict=True):
        others = [other for other in BASE if other != name]
        swept = rows[(rows[others] == [BASE[other] for other in others]).all(axis=1)]
        for method, group in swept.groupby("method", sort=False):
            group, known = group.sort_values(name), entry(method)
            style = {"color": known.colour, "marker": known.marker, "label": known.label}
            style["linestyle"] = "--" if method.endswith("_static") else "-"
            axis.plot(group[name], 1e3 * group["beyond"].clip(lower=0.05e-3), ms=3, **style)
        axis.set(xscale="log", yscale="log", xlabel=name)
        axis.set_xticks(values, [str(value) for value in values], fontsize=7)
        axis.minorticks_off()
        axis.grid(linewidth=0.3)
    axes[0].set_ylabel("ms a step beyond Vanilla's")
    lines, labels = axes[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside upper center", ncols=6, fontsize=6, frameon=False)
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
        runtime.prepare(arguments.threads)
        device = torch.device("cpu")
        a, large = torch.randn(2048, 2048), torch.randn(1 << 26)
        facts = {
            "peak_gflop_per_s": 2 * 2048**3 / fastest(lambda: a @ a) / 1e9,
            "peak_gbyte_per_s": 3 * 4 * large.numel() / fastest(lambda: large + large) / 1e9,
            "device": runtime.hardware(device),
            "threads": arguments.threads,
            "revision": runtime.revision(ROOT),
        }
        sizes = {tuple((BASE | {k: v}).items()) for k, values in SWEEP.items() for v in values}
        rows = []
        for one in sorted(sizes):
            for name in METHODS:
                if dict(one)["m"] <= LARGEST.get(name, math.inf):
                    rows.append(measure(name, dict(one), arguments.repeats) | facts)
            print(dict(one), flush=True)
        pd.DataFrame(rows).to_csv(CSV, index=False)
    draw(pd.read_csv(CSV))


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
