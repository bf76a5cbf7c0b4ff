"""Peak memory of training steps on the paper's workloads, method by method, relative to Vanilla's.

    python benchmarks/memory.py [WORKLOAD ...] [--contenders NAME ...] [--device cuda]

Contenders are `step_time.py`'s. Each takes two steps in a process of its own. On a CPU the peak is
that of the whole process less what it held before the network was built; on a GPU the allocator's.
Rows go into `paper_tables/memory.csv`, and `step_time.py --draw` shows them beside the times.
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

import step_time
import torch

from rotograd_replication import runtime


def resident_mb() -> float:
    """The process's present memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def measure(workload: str, name: str, device: torch.device) -> float:
    """Peak memory in MiB of two steps."""
    before = resident_mb()
    contender = step_time.build(workload, name, device)
    for _ in range(2):
        contender.step()
    peak = runtime.peak_memory_mb(device)
    return peak if device.type == "cuda" else peak - before


def main() -> None:
    """Measure each contender in a fresh process and keep its ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", default=list(step_time.WORKLOADS))
    parser.add_argument("--contenders", nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--one", action="store_true", help="print one contender's peak in MiB")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    if arguments.one:
        runtime.prepare(arguments.threads)
        print(json.dumps(measure(arguments.workloads[0], arguments.contenders[0], device)))
        return
    for workload in arguments.workloads:
        peaks: dict[str, float] = {}
        for name in ["vanilla", *(arguments.contenders or [step_time.WORKLOADS[workload][1]])]:
            command = [sys.executable, __file__, workload, "--contenders", name, "--one"]
            command += ["--device", arguments.device, "--threads", str(arguments.threads)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
            peaks[name] = json.loads(answer.stdout)
            row = {
                "workload": workload,
                "contender": name,
                "peak_mb": peaks[name],
                "peak_ratio": peaks[name] / peaks["vanilla"],
                "device": runtime.hardware(device),
                "threads": arguments.threads,
                "revision": runtime.revision(step_time.ROOT),
            }
            step_time.keep(step_time.MEMORY, row)
            print(
                f"{workload:14s} {name:28s} {peaks[name]:8.0f} MiB {row['peak_ratio']:6.2f} x",
                flush=True,
            )


if __name__ == "__main__":
    main()
