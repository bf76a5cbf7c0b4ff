"""Networks that fit their datasets, and what is said of those that do not."""

import pytest
import torch

from rotograd_replication.config import load as config
from rotograd_replication.config import schema
from rotograd_replication.models.backbones import lenet
from rotograd_replication.planning import fits
from tests.helpers.paths import CONFIGS

# Every experiment but NYUv2's as published, which takes seconds; `quick` has its network in small.
CASES = [
    (study.stem, experiment)
    for study in sorted((CONFIGS / "studies").glob("*.yaml"))
    for experiment in config.load_study(CONFIGS, study.stem).experiments
    if (study.stem, experiment) != ("paper", "nyuv2")
]


@pytest.mark.parametrize(("study", "experiment"), CASES)
def test_every_experiment_fits_its_dataset(study, experiment):
    fits.check(config.load_study(CONFIGS, study), experiment)


def changed(experiment: str, **changes: object) -> schema.Study:
    """Study `quick` with another entry of an experiment's dataset."""
    study = config.load_study(CONFIGS, "quick")
    name = study.experiments[experiment].dataset
    data = study.datasets | {name: study.datasets[name].model_copy(update=changes)}
    return study.model_copy(update={"datasets": data})


@pytest.mark.parametrize(
    ("experiment", "shape", "found"),
    [
        ("digits", [3, 28, 28], "have 1 channels, but got 3"),
        ("digits", [784], "Found: "),
        ("digits", [1, 4, 4], "Found: "),
        ("toy_convex", [3], "shapes cannot be multiplied"),
        ("nyuv2", [3, 96, 64], "`features` of segnet must be"),
    ],
)
def test_another_shape_of_the_inputs(experiment, shape, found):
    with pytest.raises(ValueError, match=f"of {experiment} must fit inputs of shape .*{found}"):
        fits.check(changed(experiment, shape=shape), experiment)


def test_a_backbone_that_gives_other_features(monkeypatch):
    monkeypatch.setattr(lenet, "build", lambda features, **parameters: torch.nn.Flatten())
    with pytest.raises(ValueError, match=r"features of shape \[2, 784\], not \[2, 50\]"):
        fits.check(config.load_study(CONFIGS, "quick"), "digits")


def test_heads_that_give_another_shape():
    dense = config.load_datasets(CONFIGS)["nyuv2"].tasks
    with pytest.raises(ValueError, match=r"outputs of shape .*, not \[1, 2, \d+, 28, 28\]"):
        fits.check(changed("digits", tasks=dense), "digits")
