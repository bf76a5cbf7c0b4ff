"""Small prepared splits of five tasks on noise, and the settings of a short run on them."""

import json

import numpy as np
from safetensors.numpy import save_file

from rotograd_replication.config.settings import run_settings
from rotograd_replication.files import sealed

SAMPLES = {"train": 64, "val": 32, "test": 32}


def write(folder):
    """One file per split, as `prepare` seals them."""
    generator = np.random.Generator(np.random.PCG64(0))
    for split, n in SAMPLES.items():
        digits = generator.integers(10, size=(n, 2))
        rest = [digits.sum(1), digits.prod(1) % 2, generator.standard_normal(n)]
        targets = np.column_stack([digits, *rest]).astype(np.float32)
        images = generator.integers(256, size=(n, 1, 28, 28), dtype=np.uint8)
        data = {"dataset": "noise", "label": "noise", "archives": {"a": "0"}, "split": split}
        data |= {"samples": n, "mean": [0.5], "std": [0.3]}
        path = folder / f"{split}.safetensors"
        tensors = {"images": images, "targets": targets}
        save_file(tensors, path, metadata=sealed.blank({"data": json.dumps(data)}))
        sealed.seal(path)
    return folder


def small(study, experiment, method, epochs=2):
    settings = run_settings(study, experiment, method)
    settings["training"] |= {"epochs": epochs, "batch_size": 16, "training_samples": 48}
    return settings
