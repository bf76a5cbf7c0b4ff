"""What a run stands on: device, threads, versions, revision, memory."""

import ctypes
import importlib.metadata
import platform
import resource
import subprocess
from pathlib import Path
from typing import Any

import torch


def device(name: str) -> torch.device:
    """The device of a study: `auto` takes a CUDA GPU where there is one.

    Raises:
        ValueError: `cuda` was asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            "`device` is cuda, which needs a CUDA GPU that torch can see. Found none. "
            "Use `--config device=cpu`, or run where there is one."
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def prepare(threads: int) -> None:
    """Fix everything outside a run's seed that its numbers could depend on."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Else every new tensor is filled first: a seventh of a step on NYUv2.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    set_precision("float32")
    keep_memory()


def keep_memory() -> None:
    """What a step frees stays for the next one, where the C library (glibc) can be told so.

    Else each large tensor is memory new from the system, page by page: a fifth of a step on NYUv2.
    Source: mallopt(3), M_MMAP_MAX and M_TRIM_THRESHOLD.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(-4, 0)  # no tensor is a mapping of its own
        mallopt(-1, -1)  # nothing goes back


def set_precision(name: str) -> None:
    """Whether convolutions on a GPU round to TF32, which cuDNN does unless told; products never do.

    A run's own choice, made before it trains and before it is evaluated; `bf16` is `Network`'s.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = name == "tf32"


def send(tensor: torch.Tensor, to: torch.device) -> torch.Tensor:
    """`tensor` on a device, without waiting for it: from pinned memory where it is a GPU."""
    source = tensor.pin_memory() if to.type == "cuda" else tensor
    return source.to(to, non_blocking=True)


def generator(seed: int, stream: int) -> torch.Generator:
    """A CPU generator for one use (`stream`) of one seed; streams are independent."""
    return torch.Generator().manual_seed(seed * 1_000_003 + stream)


# What decides a run's numbers, beside the data, whose hashes are recorded: other files may differ.
DECISIVE = ("Snakefile", "configs", ":(exclude)configs/hashes", "requirements.lock", "rules", "src")


def revision(root: Path) -> str:
    """The code's git revision, with `+changes` where it differs from it; `unknown` outside git."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(root), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", *DECISIVE)
        return git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def versions() -> dict[str, str]:
    """Versions of what decides the numbers."""
    packages = ("torch", "torchjd", "geotorch", "numpy", "scikit-learn", "safetensors")
    return {"python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in packages
    }


def hardware(where: torch.device) -> str:
    """The device in words."""
    if where.type == "cuda":
        return torch.cuda.get_device_name(where)
    name = _cpuinfo().get("model name") or platform.processor() or platform.machine()
    return f"CPU, {name}"


def processor() -> str:
    """The CPU's maker, family and model, and the vector instructions that PyTorch takes.

    With threads and versions they decide the last bits of a result on a CPU; its name does not.
    """
    facts = _cpuinfo()
    found = [facts[key] for key in ("vendor_id", "cpu family", "model") if key in facts]
    return " ".join([*found, torch.backends.cpu.get_cpu_capability()])


def _cpuinfo() -> dict[str, str]:
    """What Linux says of the first processor; empty on other systems."""
    path = Path("/proc/cpuinfo")
    first = path.read_text().split("\n\n")[0] if path.exists() else ""
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def peak_memory_mb(where: torch.device) -> float:
    """Peak memory: of the GPU allocator since the run began, or of the whole process on a CPU."""
    if where.type == "cuda":
        return torch.cuda.max_memory_allocated(where) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def describe(where: torch.device, root: Path) -> dict[str, Any]:
    """The provenance that is the same for every run of a process."""
    return {
        "device": hardware(where),
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "git_revision": revision(root),
        "versions": versions(),
    }
