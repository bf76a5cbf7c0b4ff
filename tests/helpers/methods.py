"""Building methods and steps outside a training run."""

import torch

from rotograd_replication.config import load, palette
from rotograd_replication.config.settings import values
from rotograd_replication.config.yaml_files import read_yaml
from rotograd_replication.methods._base import Method
from rotograd_replication.models import network
from rotograd_replication.runtime import rng
from tests.helpers.paths import CONFIGS

METHODS = palette.with_looks(read_yaml(CONFIGS / "methods.yaml"))
NAMES = sorted(METHODS)


def build(name: str, tasks: int, features: int, seed: int = 0, **changes: object) -> Method:
    """A method by its name in `configs/methods.yaml`, with some parameters changed."""
    from rotograd_replication.config import schema

    entry = schema.Method.model_validate(load._entry(METHODS, name, "method"))
    settings = values(entry)
    settings["parameters"] |= changes
    return network.build_method(settings, tasks, features, rng.generator(seed, 1))


def take_step(method: Method, z: torch.Tensor, gradients: torch.Tensor, losses=None):
    """Pass task gradients `[K, B, D]` taken at the views through a method."""
    method.task_features(z)
    losses = torch.ones(len(gradients), dtype=z.dtype) if losses is None else losses
    step = method.pull_back(z, losses, gradients.clone())
    update = method.combine(step)
    method.accumulate_own_gradients(step)
    return step, update
