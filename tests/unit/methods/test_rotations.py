"""Rotations against their definition, and against the official implementation."""

import subprocess
import sys

import contenders
import geotorch
import numpy as np
import pytest
import torch
from torch import nn

from rotograd_replication import plugins
from rotograd_replication.methods.rotations import (
    _expm,
    _start,
    dynamic,
    exponential,
    straight_through,
)
from tests.helpers.methods import build, take_step

K, B, D = 3, 5, 6
FLOAT32 = {"rtol": 1e-5, "atol": 1e-5}  # a start is drawn in float32
PARAMETRISATIONS = plugins.names("rotations")


@pytest.fixture
def double():
    """Starts are drawn, and everything is built, in float64."""
    torch.set_default_dtype(torch.double)
    yield
    torch.set_default_dtype(torch.float)


@pytest.mark.parametrize("parametrisation", PARAMETRISATIONS)
@pytest.mark.parametrize("start", ["identity", "random"])
@pytest.mark.parametrize("m", [None, 4, "50%"])
def test_views_are_rotations(start, m, parametrisation):
    method = build("rotograd", K, D, start=start, m=m, parametrisation=parametrisation).double()
    z = torch.randn(B, D, dtype=torch.double)
    views = method.task_features(z)
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


@pytest.mark.parametrize("m", [4, D])
def test_pull_back_is_the_gradient_at_z(m):
    method = build("rotograd", K, D, start="random", m=m).double()
    z = torch.randn(B, D, dtype=torch.double, requires_grad=True)
    weights = torch.randn(K, B, D, dtype=torch.double)
    views = method.task_features(z)
    for k in range(K):
        (expected,) = torch.autograd.grad((views[k] * weights[k]).sum(), z, retain_graph=True)
        step = method.pull_back(z.detach(), torch.ones(K), weights.clone())
        torch.testing.assert_close(step.gradients[k], expected)


@pytest.mark.parametrize("objective", ["alignment", "task_loss"])
def test_learn_is_the_gradient_of_the_printed_loss(objective, double):
    """`learn` against autograd through equation 3, and through the task's own (linear) loss."""
    changes = {"start": "random", "m": 4, "objective": objective}
    method = build("rotograd", K, D, parametrisation="exponential", **changes)
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


@pytest.mark.parametrize("scale", ["equation", "official"])
@pytest.mark.parametrize("name, theirs", [("rotograd", "RotoGrad"), ("rotate_only", "RotateOnly")])
def test_agrees_with_the_official_package(name, theirs, scale):
    """Backbone gradient equal, rotation gradient parallel and at its scale equal, in float64."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.double)
    try:
        backbone, heads = nn.Linear(4, D), [nn.Linear(D, 1) for _ in range(K)]
        reference = getattr(contenders.package(), theirs)(
            backbone, list(heads), D, burn_in_period=20
        )
        method = build(name, K, D, start="random", gradient_scale=scale)
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
            views = method.task_features(z.detach()).detach().requires_grad_()
            mine = [(heads[k](views[k])[:, 0] - y[:, k]).square().mean() for k in range(K)]
            (at_views,) = torch.autograd.grad(sum(mine), views)
            ours.zero_grad()
            _, update = take_step(method, z.detach(), at_views, torch.stack(mine).detach())
            z.backward(update)
            torch.testing.assert_close(backbone.weight.grad, expected, rtol=1e-8, atol=1e-10)

            (parameter,) = method.rotations.parameters()
            originals = [reference.parametrizations[f"rotation_{k}"].original for k in range(K)]
            stacked = torch.stack([one.grad for one in originals])
            if scale == "official":
                torch.testing.assert_close(parameter.grad, stacked, rtol=1e-8, atol=1e-10)
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
    rotations = _start.draw(10, m, "random", generator).double().numpy()
    np.testing.assert_allclose(np.linalg.det(rotations), 1, atol=1e-3)
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1), np.eye(m)[None].repeat(10, 0), atol=1e-4
    )


BUILDS = """
import torch
from rotograd_replication.methods.rotations import exponential
torch.set_num_threads(2)
for start in ("identity", "random"):
    exponential.build(10, 256, start, torch.Generator())
    print(torch.get_num_threads())
"""


def test_large_rotations_are_built_whatever_the_number_of_threads():
    """Ten of 256 x 256, in a process of its own, which would never end."""
    call = [sys.executable, "-c", BUILDS]
    done = subprocess.run(call, capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.split() == ["2", "2"]


@pytest.mark.parametrize("parametrisation", PARAMETRISATIONS)
def test_a_start_is_kept_and_drawn_from_the_generator_alone(parametrisation):
    module = plugins.load("rotations", parametrisation)
    before = torch.random.get_rng_state()
    first, second = (
        module.build(K, D, "random", torch.Generator().manual_seed(3)) for _ in range(2)
    )
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(first(), second())
    assert torch.allclose(first(), first.start, atol=1e-6)
    identity = module.build(K, D, "identity", torch.Generator())
    assert torch.equal(identity(), torch.eye(D).repeat(K, 1, 1))


@pytest.mark.parametrize("size", [1e-9, 0.3, 7.0])
@pytest.mark.parametrize(
    "dtype, tolerance", [(torch.float, 1e-6), (torch.double, 1e-10)], ids=["float32", "float64"]
)
def test_the_static_map_is_geotorchs_in_value_and_gradient(size, dtype, tolerance):
    """The official parametrisation, whose exponential is torch's, with the same start and weights."""
    torch.set_default_dtype(dtype)
    try:
        ours = exponential.build(K, 20, "random", torch.Generator().manual_seed(1))
        weights = size * torch.randn(K, 20, 20) / 20**0.5
        slopes = torch.randn(K, 20, 20) / 20
        with torch.no_grad():
            ours.parametrizations.weight.original.copy_(weights)
        found = ours()
        (found * slopes).sum().backward()
        bound = 4 * tolerance * max(1, size) ** 0.5
        for k in range(K):
            layer = nn.Linear(20, 20)
            geotorch.orthogonal(layer, "weight", triv="expm")
            layer.parametrizations.weight[0].base.copy_(ours.start[k])
            with torch.no_grad():
                layer.parametrizations.weight.original.copy_(weights[k])
            expected = layer.weight
            (expected * slopes[k]).sum().backward()
            assert float((found[k] - expected).detach().abs().max()) <= bound
            gradient = layer.parametrizations.weight.original.grad
            difference = ours.parametrizations.weight.original.grad[k] - gradient
            assert float(difference.abs().max()) <= bound
    finally:
        torch.set_default_dtype(torch.float)


def test_the_exponential_takes_two_products_backward_for_each_forward(monkeypatch):
    counts = []

    class Count(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, kinds, args=(), kwargs=None):
            counts[-1] += "bmm" in str(function)
            return function(*args, **(kwargs or {}))

    matrices = torch.randn(K, 20, 20, requires_grad=True)
    with Count():
        counts.append(0)
        value = _expm.expm(matrices)
        counts.append(0)
        value.sum().backward()
    forward, backward = counts
    assert 5 < forward <= 12
    assert backward <= 2 * forward


def moved(module, slopes, rate, optimizer=torch.optim.SGD, steps=1):
    """R after some optimiser steps on constant slopes M_k."""
    chosen = optimizer(module.parameters(), lr=rate)
    for step in range(1, steps + 1):
        chosen.zero_grad()
        module.accumulate_gradients(module(), slopes.mT, torch.eye(slopes.shape[-1]))
        chosen.step()
        module.retract(step)
    return module().detach()


def test_the_dynamic_step_is_the_static_one_to_first_order(double):
    """Under plain SGD: the difference of R after one step falls with the rate squared or faster."""
    slopes = torch.randn(K, D, D)
    differences = []
    for rate in (1e-2, 1e-3):
        static, moving = (
            moved(module.build(K, D, "random", torch.Generator().manual_seed(2)), slopes, rate)
            for module in (exponential, dynamic)
        )
        start = _start.draw(K, D, "random", torch.Generator().manual_seed(2))
        differences.append(float((static - moving).norm() / (static - start).norm()))
    assert differences[0] < 1e-2
    assert differences[1] < differences[0] / 50


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.RAdam])
def test_all_parametrisations_take_the_same_first_steps(optimizer, double):
    slopes = torch.randn(K, D, D)
    static, *others = (
        moved(module.build(K, D, "identity", torch.Generator()), slopes, 1e-4, optimizer, 10)
        for module in (exponential, dynamic, straight_through)
    )
    distance = (static - torch.eye(D)).norm()
    assert distance > 0
    assert all(float((static - other).norm() / distance) < 1e-2 for other in others)


def turned(module, angles):
    """K = 1 rotation of R^4 that has turned by `angles`, in the planes (0, 1) and (2, 3)."""
    lower = torch.zeros(1, 4, 4)
    lower[0, 1, 0], lower[0, 3, 2] = angles
    built = module.build(1, 4, "identity", torch.Generator())
    with torch.no_grad():
        if module is exponential:
            built.parametrizations.weight.original.copy_(lower)
        elif module is straight_through:
            built.tangents.copy_(lower - lower.mT)
        else:
            built.rotations.copy_(torch.linalg.matrix_exp(lower - lower.mT))
    return built


@pytest.mark.parametrize("module", [exponential, straight_through, dynamic])
@pytest.mark.parametrize("angles", [(0.0, 0.0), (0.5, -0.2), (-1.0, 3.0), (4.0, 1.0)])
def test_the_largest_plane_angle(module, angles, double):
    """`dynamic` knows R alone, whose angles end at pi."""
    expected = max(abs(angle) for angle in angles)
    if module is dynamic:
        expected = max(min(abs(angle), 2 * np.pi - abs(angle)) for angle in angles)
    found = turned(module, torch.tensor(angles)).largest_angles()
    torch.testing.assert_close(found, torch.tensor([expected]), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("angle", [0.01, 1.5, 2.8, 3.5, 4.7, 6.0])
def test_the_static_map_contracts_steps_across_a_plane_that_has_turned(angle, double):
    """By |sinc(angle / 2)|, in the map's value: R moves less for the same step of A."""
    step, moves = 1e-6, []
    for module in (exponential, straight_through):
        built = turned(module, torch.tensor([angle, 0.0]))
        before = built().detach().clone()
        (parameter,) = built.parameters()
        with torch.no_grad():
            parameter[0, 2, 0] += step
            if module is straight_through:
                parameter[0, 0, 2] -= step
        moves.append(float((built().detach() - before).norm()) / (2**0.5 * step))
    np.testing.assert_allclose(moves, abs(np.sinc(angle / 2 / np.pi)), rtol=1e-5)


def test_dynamic_rotations_beyond_two_radians_say_so_once(caplog):
    built = turned(dynamic, torch.tensor([2.5, 0.0]))
    built.largest_angles()
    built.largest_angles()
    assert caplog.text.count("A rotation has turned by 2.5 rad. Beyond 2.0, `dynamic`") == 1
    assert not turned(dynamic, torch.tensor([1.9, 0.0])).largest_angles().isnan().any()
    assert caplog.text.count("Beyond") == 1


def test_straight_through_learns_the_gradient_at_the_start(double):
    built = turned(straight_through, torch.tensor([2.0, 1.0]))
    slopes = torch.randn(1, 4, 4)
    built.accumulate_gradients(built(), slopes.mT, torch.eye(4))
    torch.testing.assert_close(built.tangents.grad, slopes - slopes.mT)


@pytest.mark.parametrize("m, rate, bound", [(50, 1e-2, 5e-6), (64, 1e-3, 5e-6), (192, 5e-4, 2e-5)])
def test_dynamic_rotations_stay_orthogonal_in_float32(m, rate, bound):
    """`||R^T R - I||_2` over many steps of noise, whose size the bound must not grow with."""
    generator = torch.Generator().manual_seed(4)
    module = dynamic.build(2, m, "identity", generator)
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)
    drift = torch.randn(2, m, m, generator=generator)
    found = []
    for step in range(1, 300 if m < 100 else 60):
        noise = torch.randn(2, m, m, generator=generator)
        module.accumulate_gradients(module(), drift + noise, torch.eye(m))
        optimizer.step()
        module.retract(step)
        if step % 5 == 0:
            defect = module().double().mT @ module().double() - torch.eye(m, dtype=torch.double)
            found.append(float(torch.linalg.matrix_norm(defect, 2).max()))
    assert max(found) < bound
    assert float((module() - module.start).norm()) > 1, "the rotations have moved"


def test_dynamic_rotations_learn_to_align():
    """Two tasks whose gradients are a rotation apart end up with the same one at z."""
    generator = torch.Generator().manual_seed(5)
    apart = _start.draw(1, 4, "random", generator)[0]
    method = build("rotate_only", 2, 4, parametrisation="dynamic")
    optimizer = torch.optim.Adam(method.parameters(), lr=0.05)
    one = torch.randn(B, 4, generator=generator)
    first = torch.cosine_similarity(one.flatten(), (one @ apart).flatten(), dim=0)
    for step in range(1, 200):
        taken, _ = take_step(method, torch.zeros(B, 4), torch.stack([one, one @ apart]))
        optimizer.step()
        method.after_optimizer_step(step)
    cosine = torch.cosine_similarity(*taken.gradients.flatten(1), dim=0)
    assert first < 0.5 and cosine > 0.99


def test_rotations_moved_part_by_part_are_the_same(monkeypatch, double):
    """Large rotations are learned and moved a few at a time, the last part smaller."""
    slopes = torch.randn(K, D, D)
    found = []
    for rotations in (1, 2, K):
        monkeypatch.setattr(dynamic, "PART", rotations * D**2)
        module = dynamic.build(K, D, "random", torch.Generator().manual_seed(2))
        assert len(module.tangents) == -(-K // rotations)
        found.append(moved(module, slopes, 1e-2, torch.optim.RAdam, 10))
    for one in found[1:]:
        torch.testing.assert_close(one, found[0])
