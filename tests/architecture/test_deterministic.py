"""Every operation of a training step gives the same bits again on CUDA, as torch documents it.

The list of `torch.use_deterministic_algorithms` names operations that have no deterministic form.
Here the operations of one step of every experiment and method are recorded on a device without
numbers and compared with it; docs/reliability.md says the same in words.
"""

import re

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from rotograd_replication.data import augment
from tests.architecture.test_no_sync import DEVICE, ON_THE_HOST, cases, core, step

# Names in torch's list -> operations of ATen, of which a derivative is one of its own.
REFUSED = {
    "AvgPool3d": "avg_pool3d_backward",
    "AdaptiveAvgPool": "_?adaptive_avg_pool[23]d_backward",
    "AdaptiveMaxPool2d": "adaptive_max_pool2d_backward",
    "FractionalMaxPool": "fractional_max_pool[23]d_backward",
    "MaxUnpool": "max_unpool[123]?d?",
    "interpolate": "upsample_(linear|bilinear|bicubic|trilinear).*backward",
    "ReflectionPad": "reflection_pad[123]d_backward",
    "NLLLoss": "nll_loss",
    "CTCLoss": "_?ctc_loss",
    "EmbeddingBag": "_?embedding_bag",
    "put_": "put_?$",
    "histc": "histc",
    "bincount": "bincount",
    "median": "(nan)?median",
    "grid_sample": "grid_sampler.*backward",
    "cumsum": "cumsum",
    "scatter_reduce": "scatter_reduce",
    "resize_": "resize_",
}
# Added up in the order of the device's threads, which the list leaves out.
PATTERN = re.compile("|".join([*REFUSED.values(), "index_put.*"]))


class Recorder(TorchDispatchMode):
    """Refuses operations of the list."""

    def __torch_dispatch__(self, function, kinds, args=(), kwargs=None):
        name = str(function).removeprefix("aten.").partition(".")[0]
        assert not PATTERN.match(name), f"{name} is not deterministic on CUDA"
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name, method", list(cases()))
def test_a_step_is_deterministic(name, method):
    if core(method) in ON_THE_HOST:
        pytest.skip("its solver needs numbers; the rest of its step is every method's")
    step(name, method, watch=Recorder)


@pytest.mark.parametrize("parametrisation", ["exponential", "straight_through"])
def test_an_exponential_is_deterministic_until_its_norm_is_read(parametrisation):
    with pytest.raises(RuntimeError, match="item"):
        step("cifar10", "rotograd", parametrisation, watch=Recorder)


@pytest.mark.parametrize("name", sorted(augment.AUGMENTATIONS))
def test_augmentations_are_deterministic(name):
    x, y = torch.empty(4, 3, 48, 64, device=DEVICE), torch.empty(4, 5, 48, 64, device=DEVICE)
    with Recorder():
        augment.AUGMENTATIONS[name](x, y, torch.Generator().manual_seed(0))


def test_operations_of_the_list_are_caught():
    x = torch.zeros(2, 3, 4, device=DEVICE, requires_grad=True)
    y = torch.zeros(2, 4, device=DEVICE, dtype=torch.long)
    with Recorder(), pytest.raises(AssertionError, match="nll_loss2d_forward"):
        torch.nn.functional.cross_entropy(x, y)
    large = torch.nn.functional.interpolate(x[None], scale_factor=2, mode="bilinear")
    with Recorder(), pytest.raises(AssertionError, match="upsample_bilinear2d_backward"):
        large.sum().backward()


def test_the_list_is_that_of_the_installed_torch():
    """A version with other names in its list needs another look."""
    text = torch.use_deterministic_algorithms.__doc__
    listed = text.rpartition("will throw a\n")[2].partition("In addition")[0]
    names = re.findall(r":(?:class|func):`torch\.(?:\S+\.)?(\w+?)`", listed)
    assert {name for name in names if not any(name.startswith(key) for key in REFUSED)} == set()
    assert all(any(name.startswith(key) for name in names) for key in REFUSED)
