"""A plan is the study's steps times measured seconds, whatever is already trained."""

import pytest
import torch

from rotograd_replication import config, plan
from tests.paths import CONFIGS

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def study():
    return config.load_study(CONFIGS, "lite")


def test_the_hours_are_steps_times_seconds(study, monkeypatch):
    """By hand: 50,000 digits in batches of 128 for 8 epochs; 10,000 evaluated in batches of 512."""
    monkeypatch.setattr(plan, "measure", lambda *_: (2.0, 0.5))
    one = 8 * 391 * 2.0 + (9 * 20 + 20) * 0.5
    assert plan.estimate(study, "digits", "vanilla", CPU, 1) == one
    assert plan.estimate(study, "digits", "single_task", CPU, 1) == 5 * one
    table = plan.run(study, "lite", CPU, 1).set_index("experiment")
    assert table.loc["digits", "runs"] == 33
    assert table.loc["digits", "hours"] == pytest.approx(3 * (10 + 5) * one / 3600)
    assert table.loc["digits", "slowest method"] == "single_task"


def test_disk_follows_from_shapes(study):
    cifar10, mnist = study.datasets["cifar10"], study.datasets["mnist"]
    assert plan.archives(cifar10) == 170052171 / 1e9
    assert plan.prepared(mnist) == 70000 * (28 * 28 + 5 * 4) / 1e9
    nyuv2 = config.load_datasets(CONFIGS)["nyuv2"]
    assert plan.archives(nyuv2) is None
    assert plan.prepared(nyuv2) == (795 + 654) * 288 * 384 * (3 + 5 * 2) / 1e9


@pytest.mark.parametrize("name", ["toy_convex", "nyuv2", "digits_svhn"])
def test_every_kind_of_network_can_be_measured(name):
    study = config.load_study(CONFIGS, "quick")
    method = next(m for m in study.experiments[name].methods if m.startswith("rotograd"))
    assert plan.estimate(study, name, method, CPU, 0) > 0
