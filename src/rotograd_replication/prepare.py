"""Archives become one file of tensors per split; each says which data it holds.

A prepared file is a safetensors file (memory-mapped, no pickle): `images`, `targets` and, as
metadata, what a result must quote about its data. Only archives whose sha256 are those recorded by
`fetch` are read.
"""

import contextlib
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from . import config, plugins, records, schema

SPLITS = ("train", "val", "test")
Split = tuple[np.ndarray, np.ndarray]

log = logging.getLogger(__name__)


class PrepareError(ValueError):
    """Archives that are not those recorded, or a plug-in that broke its contract."""


def run(name: str, dataset: schema.Dataset, archives: Path, outputs: dict[str, Path]) -> None:
    """Write the prepared file of every split, or none.

    Args:
        name: The dataset's name in `configs/datasets.yaml`.
        dataset: Its entry.
        archives: The `archives.json` that `fetch` wrote beside the archives.
        outputs: Split -> the `.safetensors` file to write.

    Raises:
        PrepareError: an unknown split, an archive that changed since `fetch`, or arrays that are
            not what the tasks need.
        ValueError: the plug-in found a damaged file.
    """
    for split in outputs:
        if split not in SPLITS:
            raise PrepareError(f"`{split}` is not a split. {plugins.nearest(split, list(SPLITS))}")
    record = verify(name, archives)
    plugin = plugins.load("datasets", dataset.module)
    splits = plugin.prepare(archives.parent, **config.values(dataset.parameters))
    columns = sum(task.targets for task in dataset.tasks)
    for split in SPLITS:
        check(f"datasets/{dataset.module}: {split}", splits[split], columns)
    mean, deviation = moments(splits["train"][0])
    with contextlib.ExitStack() as stack:
        places = {s: stack.enter_context(records.atomic(path)) for s, path in outputs.items()}
        for split, place in places.items():
            images, targets = splits[split]
            facts = record | {"split": split, "samples": len(images)}
            facts |= {"mean": mean, "std": deviation}
            tensors = {
                "images": np.ascontiguousarray(images),
                "targets": np.ascontiguousarray(targets),
            }
            save_file(tensors, place, {"data": json.dumps(facts, sort_keys=True)})
    log.info("%s: %s", name, {split: len(splits[split][0]) for split in outputs})


def verify(name: str, archives: Path) -> dict[str, Any]:
    """What `archives.json` says, once every archive is found to be the one recorded.

    Raises:
        PrepareError: another dataset's record, or a missing or changed archive.
    """
    remedy = "Delete it and run `fetch` again."
    try:
        record = records.read_json(archives)
    except FileNotFoundError:
        raise PrepareError(f"`{archives}` must exist. Found none. Run `fetch` first.") from None
    if not isinstance(record, dict) or set(record) != {"dataset", "label", "archives"}:
        raise PrepareError(f"`{archives}` must be what `fetch` writes. Found other keys. {remedy}")
    if record["dataset"] != name:
        raise PrepareError(f"`{archives}` must be of {name}. Found {record['dataset']}. {remedy}")
    for file, expected in record["archives"].items():
        path = archives.parent / file
        if not path.is_file():
            raise PrepareError(f"`{path}` must exist. Found none. Run `fetch` again.")
        found = records.sha256(path)
        if found != expected:
            raise PrepareError(f"`{path}` must have sha256 {expected}. Found {found}. {remedy}")
    return record


def check(place: str, split: Split, columns: int) -> None:
    """Refuse arrays that break the contract of `datasets/*`.

    Raises:
        PrepareError: another type, no sample, differing lengths, or not what the tasks take.
    """
    images, targets = split
    maps = targets.ndim == 4
    legal = (np.float16, np.float32) if maps else (np.float32,)
    if images.dtype not in (np.uint8, np.float16, np.float32) or targets.dtype not in legal:
        raise PrepareError(
            f"{place}: images must be uint8, float16 or float32 and targets float32 (maps also "
            f"float16). Found {images.dtype} and {targets.dtype}."
        )
    shape = (len(images), columns, *(images.shape[2:] if maps else ()))
    if not len(images) or targets.shape != shape:
        wanted = ", ".join(["N", *map(str, shape[1:])])
        raise PrepareError(
            f"{place}: targets must be [{wanted}], as many columns as the tasks take, with N >= 1 "
            f"images. Found {list(targets.shape)} and {len(images)} images."
        )


def moments(images: np.ndarray) -> tuple[list[float] | None, list[float] | None]:
    """Mean and standard deviation per channel of images `[N, C, H, W]` in the range `[0, 1]`.

    Exact, from counts of all values: bytes, which are scaled to that range, or float16; None for
    float32, which is left as it is. A constant channel has deviation 1, by which it can be divided.
    """
    if images.dtype == np.uint8:
        values, bits = np.arange(256) / 255, np.uint8
    elif images.dtype == np.float16:
        values, bits = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(float), np.uint16
        values = np.nan_to_num(values, posinf=0.0, neginf=0.0)  # no image holds them
    else:
        return None, None
    mean, deviation = [], []
    for channel in range(images.shape[1]):
        numbers = np.ascontiguousarray(images[:, channel]).view(bits).ravel()
        counts = np.bincount(numbers, minlength=len(values))
        share = counts / numbers.size
        centre = float(share @ values)
        mean.append(centre)
        deviation.append(float(np.sqrt(share @ (values - centre) ** 2)) or 1.0)
    return mean, deviation
