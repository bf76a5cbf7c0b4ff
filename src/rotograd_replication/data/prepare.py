"""Turn archives into one file of tensors per split; each says which data it holds.

A prepared file is a safetensors file (memory-mapped, no pickle): `images`, `targets` and, as
metadata, what a result must quote about its data and the file's own sha256. Only archives whose
sha256 are those recorded by `fetch` are read.

A plug-in whose `prepare` takes `work` is given a folder that outlives a kill and lasts until every
split is in place: it may leave there what it need not do twice, and return memory maps of it.

The loader brings every channel of images to mean 0 and deviation 1 over the training split,
unless its plug-in takes a parameter `standardised` and it is false: then they stay in `[0, 1]`.
"""

import contextlib
import inspect
import json
import logging
import math
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .. import plugins
from ..config import schema, settings
from ..files import atomic, sealed, sources, streamed

SPLITS = ("train", "val", "test")
Split = tuple[np.ndarray, np.ndarray]
WORK = ".work"

log = logging.getLogger(__name__)


class PrepareError(ValueError):
    """Archives that are not those recorded, or a plug-in that broke its contract."""


def run(name: str, dataset: schema.Dataset, archives: Path, outputs: dict[str, Path]) -> None:
    """Write the prepared file of every split, or none.

    Args:
        name: The dataset's name in `configs/datasets.yaml`.
        dataset: Its entry.
        archives: The `archives.json` that `fetch` wrote next to the archives.
        outputs: Split -> the `.safetensors` file to write.

    Raises:
        PrepareError: an unknown split, an archive that changed since `fetch`, a damaged file, or
            arrays that are not what the tasks need.
        OSError: a full disk.
    """
    for split in outputs:
        if split not in SPLITS:
            raise PrepareError(f"`{split}` is not a split. {plugins.nearest(split, list(SPLITS))}")
    record = verify(name, archives)
    plugin = plugins.load("datasets", dataset.module)
    parameters = settings.values(dataset.parameters)
    folder = next(iter(outputs.values())).parent
    key = {"data": record, "parameters": parameters}
    with atomic.room(folder), _workspace(plugin, folder, key) as work:
        try:
            splits = plugin.prepare(archives.parent, **work, **parameters)
        except ValueError as fault:
            raise PrepareError(_with_remedy(str(fault), archives)) from fault
        columns, samples = sum(task.targets for task in dataset.tasks), dict(dataset.samples)
        for split in SPLITS:
            place = f"datasets/{dataset.module}: {split}"
            check(place, splits[split], columns, samples[split], dataset.shape)
        _write(record, splits, outputs, parameters.get("standardised", True))
    log.info("%s: %s", name, {split: len(splits[split][0]) for split in outputs})


def _with_remedy(fault: str, archives: Path) -> str:
    """Say how to fetch again, where a plug-in's message asks for it."""
    if not fault.endswith("again."):
        return fault
    return f"{fault} To do so, delete `{archives.parent}` and give the same command again."


def _write(
    record: dict[str, Any], splits: dict[str, Split], outputs: dict[str, Path], standardised: bool
) -> None:
    """Write the files of all splits, or none."""
    images = splits["train"][0]
    channels = images.shape[1]
    mean, deviation = moments(images) if standardised else ([0.0] * channels, [1.0] * channels)
    with contextlib.ExitStack() as stack:
        temporary = {s: stack.enter_context(atomic.atomic(path)) for s, path in outputs.items()}
        for split, path in temporary.items():
            images, targets = splits[split]
            facts = record | {"split": split, "samples": len(images)}
            facts |= {"mean": mean, "std": deviation}
            metadata = sealed.blank({"data": json.dumps(facts, sort_keys=True)})
            streamed.save({"images": images, "targets": targets}, path, metadata)
            sealed.seal(path)


@contextlib.contextmanager
def _workspace(plugin: ModuleType, folder: Path, key: dict[str, Any]) -> Iterator[dict[str, Path]]:
    """Give `work` to a plug-in that takes it; the folder is removed only after success.

    What an earlier run left of other archives, parameters or code (`key`) is removed first.
    """
    if "work" not in inspect.signature(plugin.prepare).parameters:
        yield {}
        return
    work = folder / WORK
    files = [f"{plugin.__name__.rsplit('.', 1)[1]}.py", "_*.py", "_*.csv"]
    key |= {"code": sources.digest(plugins.ROOT / plugins.FOLDERS["datasets"], files)}
    if not (work / "key.json").is_file() or atomic.read_json(work / "key.json") != key:
        shutil.rmtree(work, ignore_errors=True)
        atomic.write_json(work / "key.json", key)
    yield {"work": work}
    # Over NFS a file that is still mapped cannot be removed: the next run does it.
    shutil.rmtree(work, ignore_errors=True)


def verify(name: str, archives: Path) -> dict[str, Any]:
    """Give what a result must quote of `archives.json`, once every archive is the one recorded.

    An archive that is known by its contents has their digest in place of its own sha256: the same
    files give the same prepared data, however they were wrapped.

    Raises:
        PrepareError: another dataset's record, or a missing or changed archive.
    """
    remedy = f"Delete `{archives}` and fetch again."
    try:
        record = atomic.read_json(archives)
    except FileNotFoundError:
        raise PrepareError(f"`{archives}` must exist. Found none. Run `fetch` first.") from None
    keys = {"dataset", "label", "archives"}
    if not isinstance(record, dict) or set(record) - {"contents"} != keys:
        raise PrepareError(f"`{archives}` must be what `fetch` writes. Found other keys. {remedy}")
    if record["dataset"] != name:
        raise PrepareError(f"`{archives}` must be of {name}. Found {record['dataset']}. {remedy}")
    for file, expected in record["archives"].items():
        path = archives.parent / file
        if not path.is_file():
            raise PrepareError(f"`{path}` must exist. Found none. {remedy}")
        sha256 = atomic.sha256(path)
        if sha256 != expected:
            raise PrepareError(f"`{path}` must have sha256 {expected}. Found {sha256}. {remedy}")
    contents = record.pop("contents", {})
    return record | {"archives": record["archives"] | contents}


def check(place: str, split: Split, columns: int, samples: int, shape: list[int]) -> None:
    """Refuse arrays that break the contract of `data/datasets/*` or that their entry denies.

    Args:
        place: Plug-in and split, for the message.
        split: Its inputs and targets.
        columns: How many columns of the targets the tasks take.
        samples: The entry's number of samples of this split.
        shape: The entry's shape of one input.

    Raises:
        PrepareError: another type, differing lengths, other samples or another shape than the
            entry's, or not what the tasks take.
    """
    images, targets = split
    maps = targets.ndim == 4
    legal = (np.float16, np.float32) if maps else (np.float32,)
    if images.dtype not in (np.uint8, np.float16, np.float32) or targets.dtype not in legal:
        raise PrepareError(
            f"{place}: images must be uint8, float16 or float32 and targets float32 (maps also "
            f"float16). Found {images.dtype} and {targets.dtype}."
        )
    if images.ndim != 4 and images.dtype != np.float32:
        raise PrepareError(
            f"{place}: inputs that are no images [N, C, H, W] must be float32. Found "
            f"{images.dtype}."
        )
    if images.shape != (samples, *shape):
        raise PrepareError(
            f"{place}: inputs must be {[samples, *shape]}, as `samples` and `shape` of the "
            f"dataset's entry say. Found {list(images.shape)}. Correct the entry."
        )
    expected = [samples, columns, *(shape[1:] if maps else ())]
    if list(targets.shape) != expected:
        raise PrepareError(
            f"{place}: targets must be {expected}, as many columns as the tasks take. "
            f"Found {list(targets.shape)}."
        )


def moments(images: np.ndarray) -> tuple[list[float] | None, list[float] | None]:
    """Compute mean and deviation per channel of images `[N, C, H, W]` in the range `[0, 1]`.

    From counts of all values, in exact fractions, so that every machine gets the same last bit:
    bytes, which are scaled to that range, or float16; None for float32, which is left as it is. A
    constant channel has deviation 1, by which it can be divided.
    """
    if images.dtype == np.uint8:
        values = [Fraction(value, 255) for value in range(256)]
    elif images.dtype == np.float16:
        numbers = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(float)
        numbers = np.nan_to_num(numbers, posinf=0.0, neginf=0.0)  # no image holds them
        values = [Fraction(number) for number in numbers.tolist()]
    else:
        return None, None
    mean, deviation = [], []
    counts = np.zeros((images.shape[1], len(values)), np.int64)
    for block in streamed.blocks(images):
        for channel, row in enumerate(counts):
            numbers = np.ascontiguousarray(block[:, channel]).view(f"u{images.itemsize}").ravel()
            row += np.bincount(numbers, minlength=len(values))
    for row in counts:
        occurring = [(values[i], int(row[i])) for i in np.flatnonzero(row)]
        total = sum(count for _, count in occurring)
        centre = sum((value * count for value, count in occurring), Fraction()) / total
        square = sum((value**2 * count for value, count in occurring), Fraction()) / total
        mean.append(float(centre))
        deviation.append(math.sqrt(square - centre**2) or 1.0)
    return mean, deviation
