"""The device of a process: which one, how exact, how deterministic, what memory it keeps."""

import ctypes
import os

import torch

# The settings under which cuBLAS gives the same bits again (torch's notes on reproducibility).
CUBLAS_WORKSPACES = (":4096:8", ":16:8")


def select_device(name: str) -> torch.device:
    """Select the device of a study: `auto` takes a CUDA GPU where there is one.

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


def make_deterministic(threads: int) -> None:
    """Fix everything besides a run's seed that its numbers could depend on."""
    torch.set_num_threads(threads)
    # Read at the first product on a GPU.
    if os.environ.get("CUBLAS_WORKSPACE_CONFIG") not in CUBLAS_WORKSPACES:
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = CUBLAS_WORKSPACES[0]
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Else every new tensor is filled first: a seventh of a step on NYUv2.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    set_precision("float32")
    keep_memory()


def keep_memory() -> None:
    """Keep what a step frees for the next one, where the C library (glibc) can be told so.

    Else each large tensor is memory new from the system, page by page: a fifth of a step on NYUv2.
    Source: mallopt(3), M_MMAP_MAX and M_TRIM_THRESHOLD.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(-4, 0)  # no tensor is a mapping of its own
        mallopt(-1, -1)  # nothing goes back


def set_precision(name: str) -> None:
    """Set whether convolutions on a GPU round to TF32, cuDNN's default; products never do.

    Each run sets its own before it trains and before it is evaluated; `bf16` is `Network`'s.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = name == "tf32"


def send(tensor: torch.Tensor, to: torch.device) -> torch.Tensor:
    """Copy `tensor` to a device without waiting for it: from pinned memory where it is a GPU."""
    source = tensor.pin_memory() if to.type == "cuda" else tensor
    return source.to(to, non_blocking=True)
