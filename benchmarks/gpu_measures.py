"""What training steps cost on a device: the second phase of `on_gpu.py`.

- `peaks`: what large products reach in float32, TF32 and bf16, and how fast memory is copied.
- `<workload>/<contender>`: a step of every method, of the official package and of TorchJD by their
  documented use, over Vanilla's step, in turn; images a second, operations and bytes counted, the
  time that these take at the peaks, and the allocator's peak memory.
- `<workload>/<method>/<precision>`: the same in TF32, in bf16 and compiled, over float32.
- `packed/<workload>/<n>`: n processes on one card, each training its own network.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import gpu_rows
import step_time
import torch
from contenders import Contender, checked, official, ours, torchjd_step
from scaling import Count

from rotograd_replication.runtime import device as runtime

# Pairs of blocks of steps, and the seconds after which no pair begins.
PAIRS, LIMIT = 9, 3.0
# Steps of a block on a GPU, where the host runs ahead within it as it does in training.
BLOCK = 10
VARIANTS = ("tf32", "bf16", "compiled")
PACKED = {"cuda": (1, 2, 4, 8), "cpu": (1, 2)}
PACKED_SECONDS = 5.0


def build(workload: str, name: str, device: torch.device, variant: str = "float32") -> Contender:
    """A contender's step, in some precision or compiled.

    TF32 is a setting of the process, which this changes.
    """
    settings, data = step_time.chosen(workload, name)
    training = settings["training"]
    if variant == "compiled":
        training["compiled"] = True
    else:
        training["precision"] = variant
    runtime.set_precision(training["precision"])
    torch.manual_seed(0)
    samples = training["batch_size"]
    if name == "official":
        return official(settings, data, samples, device)
    if name in step_time.TORCHJD:
        chunk = step_time.TORCHJD[name][1]
        return torchjd_step(settings, data, samples, device, name.split("_")[1], chunk)
    return ours(settings, data, samples, device)


def block(step: Callable[[], object], device: torch.device) -> Callable[[], None]:
    """`BLOCK` steps on a GPU, one elsewhere."""

    def steps() -> None:
        for _ in range(block_size(device)):
            step()

    return steps


def block_size(device: torch.device) -> int:
    """Steps that are timed together."""
    return BLOCK if device.type == "cuda" else 1


def best(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of five, after one that warms up."""
    work()
    return min(step_time.timed(work, device) for _ in range(5))


def peaks(device: torch.device) -> gpu_rows.Row:
    """GFLOP/s of a large product in each precision, GB/s of a large copy, read and written."""
    size, numbers = (8192, 1 << 28) if device.type == "cuda" else (1024, 1 << 22)
    found = {}
    a = torch.randn(size, size, device=device)
    for name in ("float32", "tf32", "bf16"):
        b = a.bfloat16() if name == "bf16" else a
        torch.backends.cuda.matmul.allow_tf32 = name == "tf32"
        found[f"{name}_gflop_per_s"] = 2 * size**3 / best(lambda b=b: b @ b, device) / 1e9
    runtime.set_precision("float32")
    x, y = torch.randn(numbers, device=device), torch.empty(numbers, device=device)
    return found | {"gbyte_per_s": 8 * numbers / best(lambda: y.copy_(x), device) / 1e9}


@cache
def base(workload: str, name: str, device: torch.device) -> Contender:
    """What contenders of a workload are compared with, built once."""
    return build(workload, name, device)


def memory(work: Callable[[], object], device: torch.device) -> float | None:
    """The allocator's peak in MiB during `work` beyond what was held; a CPU has none."""
    if device.type != "cuda":
        work()
        return None
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    held = torch.cuda.memory_allocated(device)
    work()
    torch.cuda.synchronize(device)
    return (torch.cuda.max_memory_allocated(device) - held) / 2**20


def counted(contender: Contender) -> dict[str, float]:
    """GFLOP of a step's products and convolutions, GB that all its operations read and write."""
    with Count() as count:
        contender.step()
    return {"gflop": count.flop / 1e9, "gbyte": count.bytes / 1e9}


def step(workload: str, name: str, device: torch.device, variant: str = "float32") -> gpu_rows.Row:
    """One contender over Vanilla, or one variant of a method over its float32 step."""
    reference = base(workload, "vanilla" if variant == "float32" else name, device)
    made: list[Contender] = []

    def first() -> None:
        made.append(build(workload, name, device, variant))
        for _ in range(2):
            made[0].step()

    peak = memory(first, device)
    other = made[0]
    if variant == "float32":
        checked(other)
    both = step_time.pairs(
        in_precision("float32", block(reference.step, device)),
        in_precision(variant, block(other.step, device)),
        device,
        PAIRS,
        LIMIT,
    )
    low, middle, high = step_time.quartiles([mine / plain for plain, mine in both])
    seconds = statistics.median(mine for _, mine in both) / block_size(device)
    return {
        "ratio": middle,
        "ratio_low": low,
        "ratio_high": high,
        "pairs": len(both),
        "step_seconds": seconds,
        "images_per_s": other.batch / seconds,
        "batch": other.batch,
        "m": other.m,
        "parametrisation": other.parametrisation,
        "peak_mb": peak,
        **(counted(other) if variant != "compiled" else {}),
    }


def in_precision(name: str, work: Callable[[], None]) -> Callable[[], None]:
    """`work` in a precision that is a setting of the process."""

    def steps() -> None:
        runtime.set_precision(name)
        work()

    return steps


def packed(workload: str, count: int, device: torch.device, threads: int) -> gpu_rows.Row:
    """Images a second of `count` processes that train at once, each its own RotoGrad."""
    words = [sys.executable, __file__, "--packed", workload, str(device), str(threads)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(words, **pipes) for _ in range(count)]
    try:
        for process in processes:  # each says that it is warm
            if process.stdout.readline().strip() != "warm":
                raise RuntimeError(f"one of {count} processes ended before it was warm")
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        rates = [float(process.stdout.readline()) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return {"processes": count, "images_per_s": sum(rates), "slowest": min(rates)}


def one_of_several(workload: str, device: torch.device, threads: int) -> None:
    """One process of `packed`: steps for `PACKED_SECONDS` once it is told to go."""
    runtime.prepare(threads)
    contender = build(workload, step_time.WORKLOADS[workload], device)
    steps = block(contender.step, device)
    steps()
    print("warm", flush=True)
    sys.stdin.readline()
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < PACKED_SECONDS:
        step_time.timed(steps, device)
        done += block_size(device)
    print(done * contender.batch / (time.perf_counter() - start), flush=True)


def items(arguments: argparse.Namespace, device: torch.device) -> Iterator[gpu_rows.Item]:
    """Every measure by its name, the most telling first."""
    yield "peaks", partial(peaks, device)
    for workload in ("digits", "cifar10"):
        for name in ("vanilla", step_time.WORKLOADS[workload]):
            yield f"{workload}/{name}", partial(step, workload, name, device)
    for workload in ("digits", "cifar10"):
        for count in PACKED[device.type]:
            found = partial(packed, workload, count, device, max(1, arguments.threads // count))
            yield f"packed/{workload}/{count}", found
    for workload in step_time.WORKLOADS:
        base.cache_clear()
        rotated = step_time.WORKLOADS[workload]
        for name in dict.fromkeys(["vanilla", rotated, "official", *step_time.names(workload)]):
            yield f"{workload}/{name}", partial(step, workload, name, device)
        for variant in VARIANTS:
            for name in ("vanilla", rotated):
                item = partial(step, workload, name, device, variant)
                yield f"{workload}/{name}/{variant}", item


if __name__ == "__main__":
    if sys.argv[1] == "--packed":
        one_of_several(sys.argv[2], torch.device(sys.argv[3]), int(sys.argv[4]))
    else:
        gpu_rows.main("measures", items)
