"""Peak memory of training steps on the paper's workloads, method by method, relative to Vanilla's.

    python benchmarks/memory.py [WORKLOAD ...] [--contenders NAME ...] [--device cuda]

Contenders are `step_time.py`'s; without names, the workload's RotoGrad with every parametrisation
of rotations. Each takes two steps in a process of its own. On a CPU the peak is that of the whole
process less what it held before the network was built; on a GPU the allocator's. Rows go into
`paper_tables/memory.csv` as they are measured, the same command resumes, and
`step_time.py --draw` shows them next to the times.
"""

import argparse
import json
import resource
from pathlib import Path

import step_time
import torch

from rotograd_replication.runtime import provenance
from rotograd_replication.runtime.device import make_deterministic


def resident_mb() -> float:
    """The process's present memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def measure(workload: str, name: str, device: torch.device) -> dict[str, float]:
    """Peak memory in MiB of two steps."""
    before = resident_mb()
    contender = step_time.build(workload, name, device)
    for _ in range(2):
        contender.step()
    peak = provenance.peak_memory_mb(device)
    return {"peak_mb": peak if device.type == "cuda" else peak - before}


def main() -> None:
    """Measure each contender in a fresh process and keep its ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", default=list(step_time.WORKLOADS))
    parser.add_argument("--contenders", nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--one", action="store_true", help="print one contender's peak as JSON")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    if arguments.one:
        make_deterministic(arguments.threads)
        print(json.dumps(measure(arguments.workloads[0], arguments.contenders[0], device)))
        return
    file, known = step_time.MEMORY, step_time.facts(device, arguments.threads)
    for workload in arguments.workloads:
        for name in ["vanilla", *(arguments.contenders or step_time.maps(workload))]:
            row = {"workload": workload, "contender": name} | known
            if step_time.there(file, row):
                continue
            words = ["--contenders", name, "--one", "--device", arguments.device]
            words += ["--threads", arguments.threads]
            row |= step_time.answer(Path(__file__), workload, *words)
            peaks = step_time.read(file).set_index(step_time.KEY)["peak_mb"]
            base = row["peak_mb"] if name == "vanilla" else peaks[workload, "vanilla", device.type]
            row["peak_ratio"] = row["peak_mb"] / base
            step_time.keep(file, row, step_time.KEY)
            print(
                f"{workload:14s} {name:28s} {row['peak_mb']:8.0f} MiB {row['peak_ratio']:6.2f} x",
                flush=True,
            )


if __name__ == "__main__":
    main()
