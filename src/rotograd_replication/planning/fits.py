"""Whether a network fits its dataset: one small batch goes through it before anything long."""

import torch

from ..config import schema
from ..config.run_settings import MethodSettings, RunSettings
from ..config.settings import pick, run_settings
from ..models import network
from ..tasks.group import Tasks

SAMPLES = 2
# Any method will do: none changes a shape.
METHOD: MethodSettings = {
    "module": "vanilla",
    "parameters": {},
    "inner": None,
    "rotation": None,
    "separate": False,
}


def check(study: schema.Study, experiment: str) -> None:
    """Refuse a backbone that does not take the inputs, or heads that do not give what tasks take.

    Args:
        study: The configuration.
        experiment: One of its experiments.

    Raises:
        ConfigurationError: The study has no such experiment.
        ValueError: Its network does not fit its dataset.
    """
    chosen = pick("experiment", experiment, study.experiments)
    settings = run_settings(study, experiment, next(iter(chosen.methods)))
    dataset = study.datasets[chosen.dataset]
    shape, group, features = dataset.shape, Tasks(dataset.tasks), settings["network"]["features"]
    plain: RunSettings = {**settings, "method": METHOD}
    plain["training"] = {**settings["training"], "compiled": False}
    try:
        net = network.build(plain, group, seed=0).eval()
        with torch.no_grad():
            z = net.backbone(torch.zeros(SAMPLES, *shape))
            _require("features", z, [SAMPLES, features])
            outputs = net.heads(net.method.task_features(z))
        maps = shape[1:] if group.dense else []
        for given, (count, tasks) in zip(outputs, group.head_groups, strict=True):
            # A task without outputs takes the features as they are.
            _require("outputs", given, [len(tasks), SAMPLES, count or features, *maps])
    except (RuntimeError, ValueError, TypeError, IndexError) as fault:
        found = str(fault).splitlines()[0].rstrip(".")
        raise ValueError(
            f"`network` ({settings['network']['module']}) and `heads` "
            f"({settings['heads']['module']}) of {experiment} must fit inputs of shape {shape} and "
            f"the tasks of {chosen.dataset}. Found: {found}. Change their parameters in the "
            "experiment, or the dataset's entry."
        ) from fault


def _require(name: str, given: torch.Tensor, shape: list[int]) -> None:
    if list(given.shape) != shape:
        raise ValueError(f"{name} of shape {list(given.shape)}, not {shape}")
