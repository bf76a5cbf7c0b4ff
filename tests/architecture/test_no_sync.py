"""A training step never waits for its device: no number of the device is read on the host.

`meta` stands for a GPU: it computes shapes and holds no numbers, so that reading one, copying to the
host, or deciding by a tensor's content is an error; copies to it that would wait are caught too.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rotograd_replication.config import load
from rotograd_replication.config.settings import run_settings
from rotograd_replication.data import augment
from rotograd_replication.models import network
from rotograd_replication.tasks.group import Tasks
from rotograd_replication.training import diagnostics
from rotograd_replication.training.optimizers import Optimizers
from rotograd_replication.training.step import task_step
from tests.helpers.paths import CONFIGS

STUDY = load.load_study(CONFIGS, "quick")
DEVICE = torch.device("meta")
# Its weights are computed on the host, by TorchJD's solver, from K x K inner products.
ON_THE_HOST = {"mgda"}
# Its weights are a pseudo-inverse, for which torch waits (its documentation of `linalg.eigh`).
SYNCHRONISING = {"imtl_g"}


class Watch(TorchDispatchMode):
    """Refuses what the host would wait for: copies to the device, lists as indices, eigenvalues."""

    def __init__(self):
        super().__init__()
        self.made = {}  # kept, so that no other tensor gets the number of one of them

    def __torch_dispatch__(self, function, kinds, args=(), kwargs=None):
        name = str(function)
        assert "linalg_pinv" not in name and "linalg_eigh" not in name, f"the host waits for {name}"
        if name == "aten.index.Tensor":
            indices = [x for x in tree_leaves(args[1:]) if torch.is_tensor(x)]
            assert all(id(x) in self.made for x in indices), "a list as index is copied"
        result = function(*args, **(kwargs or {}))
        self.made |= {id(x): x for x in tree_leaves(result) if torch.is_tensor(x)}
        if "copy" in name:
            tensors = [x for x in tree_leaves((args, kwargs, result)) if torch.is_tensor(x)]
            kinds = {x.device.type for x in tensors if x.dim()}
            waits = not ((kwargs or {}).get("non_blocking") or args[2:] == (True,))
            assert kinds != {"cpu", "meta"} or not waits, f"{name} waits for the device"
        return result


def cases():
    for name in ("digits", "cifar10", "celeba_conv", "nyuv2", "toy_nonconvex"):
        for method, entry in STUDY.experiments[name].methods.items():
            if not entry.separate:
                yield pytest.param(name, method, id=f"{name}-{method}")


def step(name, method, parametrisation="dynamic", watch=Watch):
    """One whole step of a run, and what the history takes of it, watched."""
    settings = run_settings(STUDY, name, method)
    if "parametrisation" in settings["method"]["parameters"]:
        settings["method"]["parameters"]["parametrisation"] = parametrisation
    data = STUDY.datasets[settings["dataset"]]
    tasks = Tasks(data.tasks)
    net = network.build(settings, tasks, seed=0).to(DEVICE)
    optimizers = Optimizers(net, settings)
    shape = data.shape[1:] if tasks.dense else ()
    x = torch.empty(4, *data.shape, device=DEVICE)
    y = torch.empty(4, sum(task.targets for task in data.tasks), *shape, device=DEVICE)
    initial_losses = torch.ones(len(tasks), device=DEVICE)
    with watch():
        optimizers.zero_grad()
        batch, update = task_step(net, tasks, x, y, initial_losses)
        optimizers.step()
        diagnostics.measure(batch, update, tasks.names)


def core(method):
    """The configured method, or the one that it wraps."""
    return method.removesuffix("_subspace").removesuffix("_50").removesuffix("_rotation")


@pytest.mark.parametrize("name, method", list(cases()))
def test_a_step_reads_nothing_of_the_device(name, method):
    if core(method) in SYNCHRONISING:
        with pytest.raises(AssertionError, match="linalg_pinv"):
            step(name, method)
    elif core(method) in ON_THE_HOST:
        with pytest.raises(NotImplementedError, match="meta"):
            step(name, method)
    else:
        step(name, method)


@pytest.mark.parametrize("parametrisation", ["exponential", "straight_through"])
def test_an_exponential_reads_its_norm(parametrisation):
    """It decides how often the exponential squares: `methods/rotations/_expm.py`."""
    with pytest.raises(RuntimeError, match="item"):
        step("cifar10", "rotograd", parametrisation)


@pytest.mark.parametrize("name", sorted(augment.AUGMENTATIONS))
def test_augmentations_read_nothing_of_the_device(name):
    x, y = torch.empty(4, 3, 48, 64, device=DEVICE), torch.empty(4, 5, 48, 64, device=DEVICE)
    with Watch():
        moved, _ = augment.AUGMENTATIONS[name](x, y, torch.Generator().manual_seed(0))
    assert moved.shape == x.shape


def test_a_step_that_reads_a_loss_is_caught():
    losses = torch.ones(3, device=DEVICE)
    for read in (losses.sum().item, losses.cpu, lambda: bool(losses.sum() > 0), losses.nonzero):
        with pytest.raises((RuntimeError, NotImplementedError)):
            read()
    with Watch(), pytest.raises(AssertionError, match="waits"):
        torch.ones(3).to(DEVICE)
    with Watch(), pytest.raises(AssertionError, match="a list as index"):
        torch.ones(3, device=DEVICE)[[0, 2]]
