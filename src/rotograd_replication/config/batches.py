"""The batches of an epoch: of samples that there are, of images that may be moved, none too small.

Training takes every sample once an epoch (`data/loader.py`): what is left over is a smaller last
batch. In training, batch norm needs more than one value of a channel; of a single sample it has one
where the map that it normalises is one pixel.
"""

import ast

from .. import plugins
from . import schema
from .yaml_files import ConfigurationError


def check(experiment: schema.Experiment, dataset: schema.Dataset, place: str) -> None:
    """Refuse batches that training cannot make, or that the network cannot train on.

    Args:
        experiment: The configuration.
        dataset: Of the experiment.
        place: Where the experiment is written, for messages.

    Raises:
        ConfigurationError: Names the experiment, the rule, what was found and the remedy.
    """
    _check_augmentation(experiment, dataset, place)
    training, available = experiment.training, dataset.samples.train
    samples, size = training.training_samples.value or available, training.batch_size.value
    if samples > available:
        raise ConfigurationError(
            f"{place}: `training.training_samples` must be at most the {available} of "
            f"`{experiment.dataset}`. Found {samples}. Lower it, or set it to null for all."
        )
    alone = size == 1 or samples % size == 1
    if alone and has_one_value(experiment.network, dataset.shape):
        remedy = "Raise `training.batch_size`"
        if size > 1:
            remedy += f", or set `training.training_samples` to {samples - 1 or 2}"
        raise ConfigurationError(
            f"{place}: every batch must have at least 2 samples, as the batch norm of network "
            f"`{experiment.network.module}` needs more than one value of a channel. Found "
            f"{samples} training samples in batches of {size}: the last one has 1. {remedy}."
        )


def _check_augmentation(experiment: schema.Experiment, dataset: schema.Dataset, place: str) -> None:
    """Refuse augmentations of what is no image, or that would leave maps where they were."""
    names = experiment.training.augmentation.value
    rule, legal = "be empty for inputs that are no images", set[str]()
    if len(dataset.shape) == 3:
        maps = dataset.tasks[0].dense
        legal = {"scene_crop", "scene_flip"} if maps else {"crop", "flip"}
        moved = "maps with their images" if maps else "images alone"
        rule = f"be of {' and '.join(sorted(legal))}, which move {moved}"
    if wrong := [name for name in names if name not in legal]:
        raise ConfigurationError(
            f"{place}: `training.augmentation` must {rule}. Found `{wrong[0]}`. Leave it out."
        )


def has_one_value(network: schema.experiment.Network, shape: list[int]) -> bool:
    """Whether batch norm somewhere in a network gets a single value of a channel from a sample.

    Args:
        network: The backbone. The maps of `resnet18` are known; `segnet` pools each map that it
            normalises, so none is one pixel. Of others, only `BatchNorm1d` counts.
        shape: Of an input, `[C, H, W]`.
    """
    if network.module == "resnet18":
        smallest = 2**5 if network.parameters["stem"].value == "imagenet" else 2**3
        return max(shape[1:], default=0) <= smallest
    path = plugins.ROOT / plugins.FOLDERS["networks"] / f"{network.module}.py"
    tree = ast.parse(path.read_text())
    return any(isinstance(n, ast.Attribute) and n.attr == "BatchNorm1d" for n in ast.walk(tree))
