"""Keep a prepared split on the device as it was stored; a batch is one gather from it.

No worker processes and no per-sample Python: for data that fits on the device, indexing a tensor is
faster than any pipeline that moves samples one at a time (see `benchmarks/loader.py`).
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from .. import plugins
from ..files import sealed as seals
from ..runtime.device import send
from .augment import AUGMENTATIONS

Batch = tuple[torch.Tensor, torch.Tensor]


class Loader:
    """Give batches of one split: `shuffled` and augmented, or plain and `in_order`.

    Attributes:
        data: What the file says of its data: dataset, label, archives, split, samples, mean, std.
        images: `[N, C, H, W]` uint8 or float16 on the device in `channels_last`, or float32
            inputs `[N, ...]`.
        targets: float32 `[N, K]` on the device, or maps `[N, C, H, W]` in float16 or float32.
        sha256: Of the file, which was found to be as it was written.
    """

    def __init__(
        self,
        path: Path,
        device: torch.device | str,
        batch_size: int,
        augmentation: Sequence[str] = (),
        samples: int | None = None,
    ) -> None:
        """Read a prepared file.

        Args:
            path: The `.safetensors` file of one split.
            device: Where images and batches live.
            batch_size: Samples per batch; the last batch may be smaller.
            augmentation: Names in `augment.AUGMENTATIONS`, applied in this order when shuffled.
            samples: Only the first so many samples of the split; None for all.

        Raises:
            ValueError: the file is not as it was written, an unknown augmentation, one for inputs
                that are no images, or more samples than there are.
        """
        self.sha256 = seals.check(path, "Delete it and prepare the dataset again.")
        with safe_open(path, framework="pt", device=str(device)) as file:
            self.data: dict[str, Any] = json.loads(file.metadata()["data"])
            available = self.data["samples"]
            if samples is not None and not 1 <= samples <= available:
                raise ValueError(
                    f"`samples` must be from 1 to the {available} of `{path}`. Found {samples}."
                )
            images, self.targets = (
                file.get_slice(name)[: samples or available] for name in ("images", "targets")
            )
        for name in augmentation:
            if name not in AUGMENTATIONS:
                hint = plugins.nearest(name, list(AUGMENTATIONS))
                raise ValueError(f"`{name}` is not an augmentation. {hint}")
        if augmentation and images.ndim != 4:
            raise ValueError(
                "`augmentation` must be empty for inputs that are no images. "
                f"Found {list(augmentation)}."
            )
        self.batch_size = batch_size
        self._augmentations = [AUGMENTATIONS[name] for name in augmentation]
        self.images = images
        self._plain = self.data["mean"] is None
        if not self._plain:
            # Stored as [N, H, W, C]: rows gathered from it are `channels_last` without a copy.
            self._stored = images.permute(0, 2, 3, 1).contiguous()
            self.images = self._stored.permute(0, 3, 1, 2)
            mean, deviation = (
                torch.tensor(self.data[key], dtype=torch.float32, device=device).view(1, -1, 1, 1)
                for key in ("mean", "std")
            )
            # (x / whole - mean) / std as one product and one sum, in one pass.
            whole = 255 if images.dtype == torch.uint8 else 1
            self._factor, self._shift = 1 / (whole * deviation), -mean / deviation

    def __len__(self) -> int:
        """Count the batches of a pass."""
        return -(-len(self.targets) // self.batch_size)

    def shuffled(self, generator: torch.Generator) -> Iterator[Batch]:
        """Pass over every sample in a fresh order, augmented: x `[B, C, H, W]`, y `[B, ...]`.

        Args:
            generator: CPU generator of the order and the augmentations; batches are thereby the
                same on every device.
        """
        yield from self.batches(self.permutation(generator), generator)

    def permutation(self, generator: torch.Generator) -> torch.Tensor:
        """Draw a fresh order of the samples: `[N]`."""
        return torch.randperm(len(self.targets), generator=generator)

    def batches(
        self, order: torch.Tensor, generator: torch.Generator, first: int = 0
    ) -> Iterator[Batch]:
        """Give the batches of one pass in a given order from number `first` on, augmented.

        Args:
            order: Of the samples, `[N]`.
            generator: Of the augmentations, in the state that it had before batch `first`.
            first: The first batch to give, from 0.
        """
        for chosen in send(order, self.targets.device).split(self.batch_size)[first:]:
            x, y = self._gather(chosen), self.targets.index_select(0, chosen).float()
            for augmentation in self._augmentations:
                x, y = augmentation(x, y, generator)
            yield self._normalised(x), y

    def in_order(self) -> Iterator[Batch]:
        """Make one pass in the order of the file, neither shuffled nor augmented."""
        for start in range(0, len(self.targets), self.batch_size):
            chosen = slice(start, start + self.batch_size)
            yield self._normalised(self.images[chosen]), self.targets[chosen].float()

    def _gather(self, chosen: torch.Tensor) -> torch.Tensor:
        """Gather the chosen inputs `[B, ...]`."""
        if self._plain:
            return self.images.index_select(0, chosen)
        return self._stored.index_select(0, chosen).permute(0, 3, 1, 2)

    def _normalised(self, x: torch.Tensor) -> torch.Tensor:
        """Scale images to mean 0 and deviation 1 over the training split; leave others as they are.

        Two passes over the batch, and neither writes to the stored images.
        """
        if self._plain:
            return x
        return torch.addcmul(self._shift, x.to(torch.float32), self._factor)
