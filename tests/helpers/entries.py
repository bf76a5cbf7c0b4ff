"""Entries of `configs/datasets.yaml`, changed to fit a few made-up samples."""

from rotograd_replication.config import load, schema
from tests.helpers.paths import CONFIGS


def entry(
    name: str, samples: tuple[int, int, int], shape: list[int] | None = None, **parameters: object
) -> schema.Dataset:
    """An entry with other sizes of its splits, shape of an input, and parameters of `prepare`."""
    found = load.load_datasets(CONFIGS)[name]
    given = {k: schema.Sourced(value=v, source="choice: a test") for k, v in parameters.items()}
    train, val, test = samples
    sizes = found.samples.model_copy(update={"train": train, "val": val, "test": test})
    changes = {"samples": sizes, "shape": shape or found.shape}
    return found.model_copy(update=changes | {"parameters": found.parameters | given})
