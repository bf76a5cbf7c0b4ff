"""The project's loader against torch's `DataLoader` with per-sample transforms, same batches.

Usage: python benchmarks/loader.py PREPARED_FOLDER [--repeats 5] [--device cpu] [--workers 0]

Both read the prepared training split at batch 1024, in one process and in alternation, and must
give the same normalised batches. Prints the median images per second of each, and the ratio.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from rotograd_replication.data.loader import Loader

BATCH_SIZE = 1024


class PerSample(Dataset):
    """One sample at a time, through torchvision's transforms: the usual way."""

    def __init__(self, loader: Loader) -> None:
        self.images, self.targets = loader.images.cpu().contiguous(), loader.targets.cpu()
        to_float = v2.ToDtype(torch.float32, scale=True)
        normalise = v2.Normalize(loader.data["mean"], loader.data["std"])
        self.transform = v2.Compose([to_float, normalise])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.transform(self.images[index]), self.targets[index]


def images_per_second(batches: Callable[[], Iterable], device: torch.device) -> float:
    """One pass over the split, with every batch on the device."""
    start, count = time.perf_counter(), 0
    for x, y in batches():
        x, y = x.to(device), y.to(device)
        count += len(x)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return count / (time.perf_counter() - start)


def main() -> None:
    """Check that both give the same batches, then time them in alternation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prepared", type=Path, help="folder of train.safetensors")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=0, help="worker processes of DataLoader")
    chosen = parser.parse_args()
    device = torch.device(chosen.device)
    path = chosen.prepared / "train.safetensors"
    ours = Loader(path, device, BATCH_SIZE)
    generator = torch.Generator().manual_seed(0)
    samples = PerSample(ours)

    in_order = DataLoader(samples, BATCH_SIZE)
    for (x, y), (other, targets) in zip(ours.in_order(), in_order, strict=True):
        torch.testing.assert_close(x.cpu(), other, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(y.cpu(), targets)

    theirs = DataLoader(samples, BATCH_SIZE, shuffle=True, num_workers=chosen.workers)
    ways = {"Loader": lambda: ours.shuffled(generator), "DataLoader": lambda: theirs}
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(chosen.repeats):
        for name, batches in ways.items():
            speeds[name].append(images_per_second(batches, device))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    print(
        f"{ours.data['label']}, {len(samples)} images, batch {BATCH_SIZE}, {device}, torch "
        f"{torch.__version__}, {torch.get_num_threads()} threads, {chosen.workers} workers, "
        f"median of {chosen.repeats} (lowest to highest)"
    )
    for name, values in speeds.items():
        spread = f"{min(values):,.0f} to {max(values):,.0f}"
        print(f"{name:>10}: {medians[name]:,.0f} images/s ({spread})")
    print(f"ratio: {medians['Loader'] / medians['DataLoader']:.1f}")


if __name__ == "__main__":
    main()
