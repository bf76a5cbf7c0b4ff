"""Step times of every method on the paper's workloads, as ratios to Vanilla's step.

    python benchmarks/step_time.py [WORKLOAD ...] [--contenders NAME ...] [--repeats N] [--device D]
    python benchmarks/step_time.py --draw

One process; a contender and Vanilla take steps in turn, on random inputs of the data's shape, and
a ratio is that of two neighbouring steps: the table gives its median and quartiles. Contenders are
the experiment's methods, the static map, `official` (the package `rotograd` 0.1.6.0, its rotations
away from their start) and `torchjd_<aggregator>` (TorchJD's `mtl_backward` over the shared
parameters, plain heads). Each row goes into `paper_tables/cost.csv` as it is measured; `--draw`
makes `paper_tables/cost.md` and `figures/cost.{pdf,png}` of it, with the peaks that `memory.py` has
measured and the paper's ratios of hours beside.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cost_report
import pandas as pd
import torch
from contenders import Contender, backbone_gflop, official, ours, torchjd_step

from rotograd_replication import config, runtime

ROOT = Path(__file__).parents[1]
CSV = ROOT / "paper_tables" / "cost.csv"
MEMORY = ROOT / "paper_tables" / "memory.csv"
# Experiment of the paper study -> samples a batch, and the method that `official` is.
WORKLOADS = {
    "cifar10": (128, "rotograd"),
    "celeba_conv": (256, "rotograd_50"),
    "celeba_resnet": (256, "rotograd_75"),
    "nyuv2": (2, "rotograd_subspace"),
    "digits": (1024, "rotograd"),
}
TORCHJD = {
    "torchjd_PCGrad": "pcgrad",
    "torchjd_MGDA": "mgda",
    "torchjd_IMTLG": "imtl_g",
    "torchjd_GradDrop": "graddrop",
}


def build(workload: str, name: str, device: torch.device, seed: int = 0) -> Contender:
    """A contender's step on one batch that stays the same."""
    batch, rotated = WORKLOADS[workload]
    study = config.load_study(ROOT / "configs", "paper")
    static = f"{rotated}_static"
    base = rotated if name in (static, "official") else name
    base = "vanilla" if name in TORCHJD else base
    settings = config.run_settings(study, workload, base)
    if name == static:
        settings["method"]["parameters"]["parametrisation"] = "exponential"
    data = study.datasets[study.experiments[workload].dataset]
    torch.manual_seed(seed)
    if name == "official":
        return official(settings, data, batch, device)
    if name in TORCHJD:
        return torchjd_step(settings, data, batch, device, name.removeprefix("torchjd_"))
    return ours(settings, data, batch, device)


def names(workload: str) -> list[str]:
    """Every contender of a workload; `separate` networks take steps of Vanilla's kind."""
    _, rotated = WORKLOADS[workload]
    study = config.load_study(ROOT / "configs", "paper")
    methods = [m for m, one in study.experiments[workload].methods.items() if not one.separate]
    jd = [name for name, method in TORCHJD.items() if method in methods]
    return [*(m for m in methods if m != "vanilla"), f"{rotated}_static", *jd, "official"]


def timed(step: Callable[[], object], device: torch.device) -> float:
    """Seconds of one step."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def peak_gflops(device: torch.device) -> float:
    """What a large float32 product reaches here, in GFLOP/s: the best of five."""
    a = torch.randn(2048, 2048, device=device)
    return 2 * 2048**3 / min(timed(lambda: a @ a, device) for _ in range(5)) / 1e9


def backbone(workload: str, device: torch.device) -> float:
    """The backbone's work in a step, in GFLOP."""
    batch, _ = WORKLOADS[workload]
    study = config.load_study(ROOT / "configs", "paper")
    data = study.datasets[study.experiments[workload].dataset]
    return backbone_gflop(config.run_settings(study, workload, "vanilla"), data, batch, device)


def pair(
    workload: str,
    name: str,
    device: torch.device,
    repeats: int,
    limit: float,
    gflop: float,
    revision: str,
) -> dict:
    """One row: steps of Vanilla and of `name` in turn, until `repeats` pairs or `limit` seconds."""
    base, other = build(workload, "vanilla", device), build(workload, name, device)
    base.step(), other.step()
    begun, left, right = time.perf_counter(), [], []
    while len(left) < 2 or (len(left) < repeats and time.perf_counter() - begun < limit):
        left.append(timed(base.step, device))
        right.append(timed(other.step, device))
    ratios = sorted(r / v for r, v in zip(right, left, strict=True))
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return {
        "workload": workload,
        "contender": name,
        "tasks": base.tasks,
        "m": other.m,
        "batch": base.batch,
        "ratio": statistics.median(ratios),
        "ratio_low": low,
        "ratio_high": high,
        "pairs": len(ratios),
        "seconds": statistics.median(right),
        "vanilla_seconds": statistics.median(left),
        "backbone_gflop": gflop,
        "peak_gflop_per_s": peak_gflops(device),
        "device": runtime.hardware(device),
        "threads": torch.get_num_threads(),
        "revision": revision,
    }


def read(file: Path) -> pd.DataFrame:
    """A table of measurements; a revision such as 4e8675865486 is no number."""
    return pd.read_csv(file, dtype={"revision": str})


def keep(file: Path, row: dict) -> None:
    """Put a row into a table, in the place of an earlier measurement of the same."""
    table = read(file) if file.exists() else pd.DataFrame()
    table = pd.concat([table, pd.DataFrame([row])])
    key = ["workload", "contender", "device", "threads"]
    table.drop_duplicates(key, keep="last").to_csv(file, index=False)


def main() -> None:
    """Measure what is asked for, each row kept as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    parser.add_argument("--contenders", nargs="*")
    parser.add_argument("--repeats", type=int, default=15, help="pairs of steps")
    parser.add_argument(
        "--limit", type=float, default=120, help="seconds a contender, at least 2 pairs"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--draw", action="store_true", help="only draw what was measured")
    arguments = parser.parse_args()
    if not arguments.draw:
        runtime.prepare(arguments.threads)
        device = torch.device(arguments.device)
        revision = runtime.revision(ROOT)
        for workload in arguments.workloads:
            gflop = backbone(workload, device)
            for name in arguments.contenders or names(workload):
                row = pair(
                    workload, name, device, arguments.repeats, arguments.limit, gflop, revision
                )
                keep(CSV, row)
                print(f"{workload:14s} {name:28s} {row['ratio']:6.2f} x", flush=True)
    cost_report.draw(ROOT, read(CSV), read(MEMORY))


if __name__ == "__main__":
    main()
