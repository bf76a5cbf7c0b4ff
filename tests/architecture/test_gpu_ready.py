"""What makes a step fast on a GPU and can be seen on a CPU: layouts, batched tasks, resident data."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from rotograd_replication.config import load as config
from rotograd_replication.config.settings import run_settings
from rotograd_replication.models import network
from rotograd_replication.tasks.group import Tasks
from rotograd_replication.training.step import task_step
from tests.helpers.paths import CONFIGS

STUDY = config.load_study(CONFIGS, "quick")
# Which tensors of an operation have images' shape: input, or gradient of the output and input.
CONVOLUTIONS = {"convolution": 1, "convolution_backward": 2}


class Operations(TorchDispatchMode):
    """Counts operations that are no views, and convolutions of images in another layout."""

    def __init__(self):
        super().__init__()
        self.count, self.convolutions, self.otherwise = 0, 0, []

    def __torch_dispatch__(self, function, kinds, args=(), kwargs=None):
        self.count += not function.is_view
        name = function._overloadpacket.__name__
        for x in args[: CONVOLUTIONS.get(name, 0)]:
            self.convolutions += 1
            if x.stride(1) != 1 and not x.is_contiguous(memory_format=torch.channels_last):
                self.otherwise.append((name, tuple(x.shape), x.stride()))
        return function(*args, **(kwargs or {}))


def step(experiment, method, tasks=None, parametrisation="dynamic"):
    """The operations of one step, its second, of the first `tasks` tasks."""
    settings = run_settings(STUDY, experiment, method)
    if "parametrisation" in settings["method"]["parameters"]:
        settings["method"]["parameters"]["parametrisation"] = parametrisation
    data = STUDY.datasets[settings["dataset"]]
    chosen = Tasks(data.tasks[:tasks])
    net = network.build(settings, chosen, 0).to(memory_format=torch.channels_last)
    columns = sum(task.targets for task in chosen.tasks)
    maps = data.shape[1:] if chosen.dense else ()
    x = torch.randn(4, *data.shape).contiguous(memory_format=torch.channels_last)
    given = (net, chosen, x, torch.ones(4, columns, *maps), torch.ones(len(chosen)))
    task_step(*given)
    with Operations() as operations:
        task_step(*given)
    return operations


@pytest.mark.parametrize("experiment", ["cifar10", "celeba_conv", "celeba_resnet", "digits"])
def test_every_convolution_is_channels_last_there_and_back(experiment):
    found = step(experiment, "vanilla")
    assert found.convolutions >= 6
    assert found.otherwise == []


def test_segnet_leaves_channels_last_where_it_unpools():
    """The encoder's convolutions are channels-last; max-unpooling gives its maps the other way."""
    found = step("nyuv2", "vanilla")
    assert 0 < len(found.otherwise) < found.convolutions / 2


@pytest.mark.parametrize("method", ["vanilla", "scale_only", "rotograd_50", "imtl_g"])
@pytest.mark.parametrize("parametrisation", ["dynamic", "exponential"])
def test_forty_tasks_are_as_many_operations_as_five(method, parametrisation):
    """Heads, rotations and combination are batched products: the host starts no more kernels."""
    counts = [step("celeba_conv", method, tasks, parametrisation).count for tasks in (5, 40)]
    assert counts[0] == counts[1]
