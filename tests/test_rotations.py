"""Rotations against their definition, and against the official implementation."""

import importlib
import sys
import types
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from rotograd_replication.rotations import exponential
from tests.methods_fixtures import build, take_step

K, B, D = 3, 5, 6
FLOAT32 = {"rtol": 1e-5, "atol": 1e-5}  # a start is drawn in float32


@pytest.fixture(scope="module")
def official():
    """The official package `rotograd` 0.1.6.0, with the import that geotorch 0.4 no longer has."""
    module = types.ModuleType("geotorch.parametrize")
    module.cached = torch.nn.utils.parametrize.cached
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setitem(sys.modules, "geotorch.parametrize", module)
        yield importlib.import_module("rotograd")


@pytest.mark.parametrize("start", ["identity", "random"])
@pytest.mark.parametrize("m", [None, 4, "50%"])
def test_views_are_rotations(start, m):
    method = build("rotograd", K, D, start=start, m=m).double()
    z = torch.randn(B, D, dtype=torch.double)
    views = method.view(z)
    assert views.shape == (K, B, D)
    torch.testing.assert_close(views.norm(dim=2), z.norm(dim=1).expand(K, B), **FLOAT32)
    size = method.m
    assert torch.equal(views[..., size:], z[:, size:].expand(K, B, D - size))
    matrices = method.current.detach()
    torch.testing.assert_close(
        matrices.mT @ matrices, torch.eye(size).double().expand(K, -1, -1), **FLOAT32
    )
    torch.testing.assert_close(torch.linalg.det(matrices), torch.ones(K).double(), **FLOAT32)
    assert torch.allclose(matrices, torch.eye(size).double(), atol=1e-5) == (start == "identity")


def test_pull_back_is_the_gradient_at_z():
    method = build("rotograd", K, D, start="random", m=4).double()
    z = torch.randn(B, D, dtype=torch.double, requires_grad=True)
    weights = torch.randn(K, B, D, dtype=torch.double)
    views = method.view(z)
    for k in range(K):
        (expected,) = torch.autograd.grad((views[k] * weights[k]).sum(), z, retain_graph=True)
        step = method.step(z.detach(), torch.ones(K), weights.clone())
        torch.testing.assert_close(step.gradients[k], expected)


@pytest.mark.parametrize("objective", ["alignment", "task_loss"])
def test_learn_is_the_gradient_of_the_printed_loss(objective):
    """`learn` against autograd through equation 3, and through the task's own (linear) loss."""
    method = build("rotograd", K, D, start="random", m=4, objective=objective).double()
    with torch.no_grad():
        for parameter in method.rotations.parameters():
            parameter.normal_(std=0.3)
    z = torch.randn(B, D, dtype=torch.double)
    at_views = torch.randn(K, B, D, dtype=torch.double)
    step, _ = take_step(method, z, at_views)
    (parameter,) = method.rotations.parameters()
    rotations = method.rotations()
    if objective == "alignment":
        target = (step.gradients / step.gradients.norm(dim=(1, 2), keepdim=True)).mean(0)[:, :4]
        back = torch.einsum("kij,kbi->kbj", rotations, at_views[..., :4])
        loss = -(back * target).sum()
    else:
        loss = (at_views[..., :4] * torch.einsum("kij,bj->kbi", rotations, z[:, :4])).sum()
    (expected,) = torch.autograd.grad(loss, parameter)
    torch.testing.assert_close(parameter.grad, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name, theirs", [("rotograd", "RotoGrad"), ("rotate_only", "RotateOnly")])
def test_agrees_with_the_official_package(official, name, theirs):
    """Backbone gradient equal, rotation gradient parallel, over many steps in float64."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.double)
    try:
        backbone, heads = nn.Linear(4, D), [nn.Linear(D, 1) for _ in range(K)]
        reference = getattr(official, theirs)(backbone, list(heads), D, burn_in_period=20)
        method = build(name, K, D, start="random").double()
        if hasattr(method.inner, "reference_step"):
            method.inner.reference_step = 20
        for k in range(K):
            base = method.rotations.start[k]
            reference.parametrizations[f"rotation_{k}"][0].base.copy_(base)
        ours = torch.optim.SGD(method.rotations.parameters(), lr=0.1)
        reference.train()
        for step_number in range(40):
            x, y = torch.randn(B, 4), torch.randn(B, K)
            backbone.zero_grad()
            reference.zero_grad()
            outputs = reference(x)
            losses = [(outputs[k][:, 0] - y[:, k]).square().mean() for k in range(K)]
            reference.backward(losses)
            expected = backbone.weight.grad.clone()

            backbone.zero_grad()
            z = backbone(x)
            views = method.view(z.detach()).detach().requires_grad_()
            mine = [(heads[k](views[k])[:, 0] - y[:, k]).square().mean() for k in range(K)]
            (at_views,) = torch.autograd.grad(sum(mine), views)
            ours.zero_grad()
            _, update = take_step(method, z.detach(), at_views, torch.stack(mine).detach())
            z.backward(update)
            torch.testing.assert_close(backbone.weight.grad, expected, rtol=1e-8, atol=1e-10)

            (parameter,) = method.rotations.parameters()
            originals = [reference.parametrizations[f"rotation_{k}"].original for k in range(K)]
            stacked = torch.stack([one.grad for one in originals])
            cosine = torch.cosine_similarity(stacked.flatten(), parameter.grad.flatten(), dim=0)
            assert float(cosine) > 1 - 1e-8, step_number
            ours.step()
            with torch.no_grad():
                for k, one in enumerate(originals):
                    one.copy_(parameter[k])
                backbone.weight -= 0.05 * expected
    finally:
        torch.set_default_dtype(torch.float)


@pytest.mark.parametrize("m", [2, 50, 512])
def test_a_random_start_is_a_rotation_never_a_reflection(m):
    """By NumPy: torch's own determinant is 0 for large float32 matrices on some CPUs."""
    generator = torch.Generator().manual_seed(0)
    rotations = exponential.build(10, m, "random", generator)().detach().double().numpy()
    np.testing.assert_allclose(np.linalg.det(rotations), 1, atol=1e-3)
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1), np.eye(m)[None].repeat(10, 0), atol=1e-4
    )
