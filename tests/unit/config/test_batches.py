"""A last batch of one sample is refused exactly where training would end in an error."""

import pytest
import torch

from rotograd_replication import plugins
from rotograd_replication.config import batches, schema, yaml_files
from rotograd_replication.config import load as config
from tests.helpers.paths import CONFIGS
from tests.unit.config.test_config import change, sourced

# Network, features, parameters, and the inputs of one sample.
NETWORKS = [
    ("mlp", 4, {"hidden": 3}, [2]),
    ("lenet", 5, {"in_channels": 1}, [1, 28, 28]),
    ("convnet", 16, {}, [3, 64, 64]),
    ("resnet18", 8, {"stem": "imagenet"}, [3, 32, 32]),
    ("resnet18", 8, {"stem": "imagenet"}, [3, 33, 32]),
    ("resnet18", 8, {"stem": "imagenet"}, [3, 64, 64]),
    ("resnet18", 8, {"stem": "small"}, [3, 8, 8]),
    ("resnet18", 8, {"stem": "small"}, [3, 9, 9]),
    ("segnet", 2 * 64, {"filters": [2, 2, 2]}, [3, 8, 8]),  # the smallest that it can pool
]


def test_every_network_is_tried():
    assert {name for name, *_ in NETWORKS} == set(plugins.names("networks"))


@pytest.mark.parametrize(("name", "features", "parameters", "shape"), NETWORKS)
def test_one_sample_is_refused_where_training_fails(name, features, parameters, shape):
    net = plugins.load("networks", name).build(features, **parameters)
    try:
        net.train()(torch.zeros(1, *shape))
        fails = False
    except ValueError as error:
        assert "more than 1 value per channel" in str(error)
        fails = True
    given = {k: schema.Sourced(value=v, source="choice: a test") for k, v in parameters.items()}
    count = schema.Sourced(value=features, source="choice: a test")
    network = schema.experiment.Network(module=name, features=count, parameters=given)
    assert batches.has_one_value(network, shape) == fails


# What is changed of `training` -> what is found, or None where the study is read.
CASES = {
    "one left": ({"training_samples": 1025}, "1025 training samples in batches of 128"),
    "none left": ({"training_samples": 1024}, None),
    "one sample": ({"training_samples": 1}, "1 training samples in batches of 128"),
    "batches of one": ({"batch_size": 1}, "45000 training samples in batches of 1"),
    "too many": ({"training_samples": 45001}, "at most the 45000 of `cifar10`. Found 45001"),
    "all": ({"training_samples": 45000}, None),
}


@pytest.mark.parametrize("case", CASES)
def test_the_last_batch(configs, case):
    changes, found = CASES[case]
    for key, value in changes.items():
        change(configs / "experiments/cifar10.yaml", ["training", key], sourced(value))
    if found is None:
        config.load_study(configs, "paper")
        return
    with pytest.raises(yaml_files.ConfigurationError) as error:
        config.load_study(configs, "paper")
    assert "studies/paper.yaml: cifar10: " in str(error.value) and found in str(error.value)


@pytest.mark.parametrize(
    ("experiment", "augmentation", "rule"),
    [
        ("toy_convex", "flip", "must be empty for inputs that are no images"),
        ("nyuv2", "flip", "must be of scene_crop and scene_flip, which move maps with"),
        ("cifar10", "scene_flip", "must be of crop and flip, which move images alone"),
    ],
)
def test_augmentations_fit_the_data(configs, experiment, augmentation, rule):
    place = configs / f"experiments/{experiment}.yaml"
    change(place, ["training", "augmentation"], sourced([augmentation]))
    with pytest.raises(yaml_files.ConfigurationError, match=rule) as error:
        config.load_study(configs, "paper")
    assert f"{experiment}: `training.augmentation`" in str(error.value)
    assert f"Found `{augmentation}`" in str(error.value)


def test_without_batch_norm_one_sample_is_a_batch():
    """The toys train on one sample a step; 715 scenes in batches of 2 leave one, of many pixels."""
    study = config.load_study(CONFIGS, "paper")
    training = study.experiments["nyuv2"].training
    assert study.datasets["nyuv2"].samples.train % training.batch_size.value == 1
    assert study.experiments["toy_convex"].training.batch_size.value == 1
