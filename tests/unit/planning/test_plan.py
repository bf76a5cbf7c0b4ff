"""A plan is the study's steps times measured seconds, whatever is already trained."""

import logging

import pytest
import torch

from rotograd_replication.config import load as config
from rotograd_replication.config.settings import run_settings
from rotograd_replication.models import network
from rotograd_replication.planning import plan, timing
from rotograd_replication.planning.timing import Calibration, Cost
from rotograd_replication.runtime import provenance
from rotograd_replication.tasks.group import Tasks
from rotograd_replication.training import optimizers
from tests.helpers.paths import CONFIGS

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def study():
    return config.load_study(CONFIGS, "lite")


class Given(Calibration):
    """The same cost for every network."""

    def cost(self, *_):
        return Cost(2.0, 0.5, 10**6)


def test_the_hours_are_steps_times_seconds(study, caplog):
    """By hand: 50,000 digits in batches of 128, 8 epochs; 10,000 evaluated in batches of 512.

    GradNorm has 3 trials more, of half the epochs.
    """
    caplog.set_level(logging.INFO)
    given = Given(CPU, 1)
    one = 8 * 391 * 2.0 + (9 * 20 + 20) * 0.5
    assert plan.estimate(study, "digits", "vanilla", given) == (one, 10**6)
    assert plan.estimate(study, "digits", "single_task", given) == (5 * one, 5 * 10**6)
    table = plan.run(study, "lite", given).set_index("experiment")
    assert table.loc["digits", "runs"] == 33
    assert table.loc["digits", "hours"] == pytest.approx((3 * (10 + 5) + 3 * 0.5) * one / 3600)
    assert table.loc["digits", "models, GB"] == pytest.approx(3 * (10 + 5) / 1000)
    assert table.loc["digits", "slowest method"] == "single_task"
    assert provenance.hardware(CPU) in caplog.text
    assert "up to 0.12 GB of checkpoints for each run under way" in caplog.text  # 3 x 4 x 10 tasks


def test_tuning_is_planned_too():
    """By hand: quick's toy of 4 points, batches of 1, 100 epochs; 3 trials of 25 epochs, 1 seed."""
    study = plan.only(config.load_study(CONFIGS, "quick"), "toy_nonconvex")
    given = Given(CPU, 1)
    run, _ = plan.estimate(study, "toy_nonconvex", "rotograd", given)
    table = plan.run(study, "quick", given).set_index("experiment")
    assert table.loc["toy_nonconvex", "tuning runs"] == 3
    assert table.loc["toy_nonconvex", "hours"] == pytest.approx((4 + 3 * 0.25) * run / 3600)


def test_one_experiment_can_be_planned_alone(study):
    alone = plan.only(study, "digits")
    assert plan.run(alone, "lite", Given(CPU, 1))["experiment"].tolist() == ["digits"]
    assert list(alone.datasets) == ["mnist"]
    with pytest.raises(ValueError, match=r"`digit` is no experiment.*Did you mean `digits`"):
        plan.only(study, "digit")


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
    seconds, size = plan.estimate(study, name, method, Calibration(CPU, 0))
    assert seconds > 0 and size > 0


def test_what_costs_the_same_is_measured_once(monkeypatch):
    """Rates of the sweep differ; the single tasks of CIFAR10 are of one kind."""
    study = config.load_study(CONFIGS, "quick")
    calls = []
    for part in ("backbone", "rest", "evaluation"):
        monkeypatch.setattr(
            Calibration, f"_{part}", lambda *_, part=part: calls.append(part) or 1.0
        )
    calibration = Calibration(CPU, 1)
    for method in study.experiments["stability"].methods:
        plan.estimate(study, "stability", method, calibration)
    assert calls == ["evaluation", "backbone", "rest", "rest"]  # vanilla and RotoGrad
    calls.clear()
    for method in ("vanilla", "graddrop", "pcgrad"):
        plan.estimate(study, "cifar10", method, calibration)
    assert calls == ["evaluation", "backbone", "rest", "rest", "rest"]
    calls.clear()
    plan.estimate(study, "cifar10", "single_task", calibration)
    assert calls == ["evaluation", "rest"]


@pytest.mark.parametrize(("precision", "number"), [("float32", "float32"), ("bf16", "bfloat16")])
def test_the_backbone_is_timed_in_the_numbers_of_the_run(monkeypatch, precision, number):
    study = config.load_study(CONFIGS, "quick")
    settings = run_settings(study, "digits", "vanilla")
    settings["training"]["precision"] = precision
    data, used = study.datasets["mnist_standin"], set()
    convolution = torch.nn.Conv2d.forward

    def forward(self, x):
        y = convolution(self, x)
        used.add((str(y.dtype), y.requires_grad))
        return y

    monkeypatch.setattr(torch.nn.Conv2d, "forward", forward)
    Calibration(CPU, 0).cost(settings, Tasks(data.tasks), 5, data.shape)
    assert used == {(f"torch.{number}", trains) for trains in (True, False)}


@pytest.mark.parametrize("method", ["vanilla", "rotograd", "gradnorm"])
def test_both_parts_together_are_a_training_step(monkeypatch, method):
    """Counted by torch: parameters that an optimiser moves in either part, and in a whole step."""
    study = config.load_study(CONFIGS, "quick")
    settings = run_settings(study, "digits", method)
    data = study.datasets["mnist_standin"]
    moved = []

    def count(self, *_):
        moved.extend(
            p.shape for group in self.param_groups for p in group["params"] if p.grad is not None
        )

    for kind in optimizers.OPTIMIZERS.values():
        monkeypatch.setattr(kind, "step", count)
    Calibration(CPU, 0).cost(settings, Tasks(data.tasks), 5, data.shape)
    net = network.build(settings, Tasks(data.tasks), 0)
    expected = [p.shape for p in net.parameters() if p.requires_grad]
    assert sorted(moved) == sorted(expected)


@pytest.mark.parametrize(
    ("device", "taken", "calls"),
    [("cpu", [3], 1), ("cpu", [0.5, 0.4, 0.8], 3), ("cuda", [3, 2], 2)],
)
def test_a_long_first_step_is_not_repeated_on_a_cpu(monkeypatch, device, taken, calls):
    clock, ends = [0.0], iter(taken)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: None)
    made = []

    def work():
        made.append(1)
        clock[0] += next(ends)

    found = Calibration(torch.device(device), 1)._time(work, 1)
    assert len(made) == calls
    assert found == pytest.approx({1: 3, 2: 2, 3: 0.6}[calls])
