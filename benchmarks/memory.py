"""Peak memory of one NYUv2 training step, method by method, as a ratio to Vanilla's.

    python benchmarks/memory.py [METHOD ...] [--size HEIGHT WIDTH] [--device cuda]

Each method takes two steps of the paper's set-up (K = 3, batch 2, m = 1024) on random scenes in a
process of its own. On a CPU the peak is that of the whole process less what it held before the
network was built; on a GPU the allocator's.
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

import torch

from rotograd_replication import config, network
from rotograd_replication.optimizers import Optimizers
from rotograd_replication.tasks import Tasks
from rotograd_replication.train import task_step

CONFIGS = Path(__file__).parents[1] / "configs"
METHODS = ["vanilla", "rotograd_subspace", "rotate_only_subspace", "graddrop", "pcgrad", "mgda"]


def resident_mb() -> float:
    """The process's present memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def measure(method: str, height: int, width: int, device: torch.device) -> float:
    """Peak memory in MiB of two steps."""
    torch.set_num_threads(1)
    study = config.load_study(CONFIGS, "paper")
    settings = config.run_settings(study, "nyuv2", method)
    features = 64 * height * width
    settings["network"]["features"] = features
    settings["heads"]["parameters"]["shape"] = [64, height, width]
    tasks = Tasks(study.datasets["nyuv2"].tasks)
    x, y = torch.rand(2, 3, height, width), torch.rand(2, 5, height, width)
    y[:, 0] = torch.randint(13, (2, height, width))
    before = resident_mb()
    net = network.build(settings, tasks, 0).to(device, memory_format=torch.channels_last)
    optimizers = Optimizers(net, settings)
    for _ in range(2):
        optimizers.zero_grad()
        task_step(net, tasks, x.to(device), y.to(device), torch.ones(3, device=device))
        optimizers.step()
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before


def main() -> None:
    """Measure each method in a fresh process and print the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("methods", nargs="*", default=METHODS)
    parser.add_argument("--size", nargs=2, type=int, default=[288, 384])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--one", action="store_true")
    arguments = parser.parse_args()
    if arguments.one:
        device = torch.device(arguments.device)
        print(json.dumps(measure(arguments.methods[0], *arguments.size, device)))
        return
    reference = None
    for method in arguments.methods:
        command = [sys.executable, __file__, method, "--one", "--device", arguments.device]
        command += ["--size", *map(str, arguments.size)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        peak = json.loads(answer.stdout)
        reference = reference or peak
        print(f"{method:28s} {peak:8.0f} MiB   {peak / reference:5.2f} x {arguments.methods[0]}")


if __name__ == "__main__":
    main()
