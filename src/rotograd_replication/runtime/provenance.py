"""What a record says of the process that made it: revision, versions, hardware, memory."""

import importlib.metadata
import platform
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

# What decides a run's numbers, besides the data, whose hashes are recorded. Other files may differ.
DECISIVE = ("Snakefile", "configs", ":(exclude)configs/hashes", "requirements.lock", "rules", "src")


def revision(root: Path) -> str:
    """Return the code's git revision, with `+changes` if files differ; `unknown` outside git."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(root), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", *DECISIVE)
        return git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def versions() -> dict[str, str]:
    """Return the versions of what decides the numbers."""
    packages = ("torch", "torchjd", "geotorch", "numpy", "scikit-learn", "safetensors")
    return {"python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in packages
    }


def hardware(device: torch.device) -> str:
    """Name the device in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = _cpuinfo().get("model name") or platform.processor() or platform.machine()
    return f"CPU, {name}"


def processor() -> str:
    """Name the CPU's maker, family and model, and the vector instructions that PyTorch uses.

    With threads and versions they decide the last bits of a result on a CPU; its name does not.
    """
    cpu = _cpuinfo()
    parts = [cpu[key] for key in ("vendor_id", "cpu family", "model") if key in cpu]
    return " ".join([*parts, torch.backends.cpu.get_cpu_capability()])


def _cpuinfo() -> dict[str, str]:
    """Read what Linux says of the first processor; empty on other systems."""
    path = Path("/proc/cpuinfo")
    first = path.read_text().split("\n\n")[0] if path.exists() else ""
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def peak_memory_mb(device: torch.device) -> float:
    """Return the peak memory in MiB: of the GPU's allocator since the run began, or of the process.

    The whole process counts on a CPU.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)  # macOS counts bytes, Linux KiB


def describe(device: torch.device, root: Path) -> dict[str, Any]:
    """Return the provenance that is the same for every run of a process."""
    return {
        "device": hardware(device),
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "git_revision": revision(root),
        "versions": versions(),
    }
