"""Every method of `configs/methods.yaml`, found by name: conventions, nasty inputs, closed forms."""

import pytest
import torch
import torchjd.aggregation
from hypothesis import given
from hypothesis import strategies as st

from rotograd_replication.methods import graddrop, weighting
from rotograd_replication.methods._base import TaskGradients, gramian, unit_sum
from tests.helpers.methods import NAMES, build, take_step

K, B, D = 4, 6, 8


def gradients_of(kind: str, generator: torch.Generator) -> torch.Tensor:
    """A nasty set of task gradients `[K, B, D]`."""
    base = torch.randn(K, B, D, generator=generator)
    if kind == "zero":
        return torch.zeros(K, B, D)
    if kind == "one zero":
        base[0] = 0
    if kind == "rank one":
        return base[:1] * torch.arange(1.0, K + 1)[:, None, None]
    if kind == "identical":
        return base[:1].expand(K, B, D).clone()
    if kind == "opposed":
        signs = torch.tensor([1.0, -1, 1, -1])[:, None, None]
        return base[:1] * signs
    if kind == "tiny":
        return base * 1e-10
    if kind == "huge":
        return base * 1e10
    if kind == "mixed":
        return base * torch.tensor([1e-10, 1e-3, 1.0, 1e10])[:, None, None]
    return base


KINDS = ["random", "zero", "one zero", "rank one", "identical", "opposed", "tiny", "huge", "mixed"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_nasty_gradients_give_finite_updates(name, kind):
    generator = torch.Generator().manual_seed(0)
    method = build(name, K, D)
    for _ in range(3):
        gradients = gradients_of(kind, generator)
        z = torch.randn(B, D, generator=generator)
        _, update = take_step(method, z, gradients)
        assert update.shape == (B, D)
        assert torch.isfinite(update).all()
        for parameter in method.parameters():
            assert parameter.grad is None or torch.isfinite(parameter.grad).all()
    if kind == "zero":
        assert not update.any()


@pytest.mark.parametrize("name", NAMES)
def test_identical_gradients_give_their_sum(name):
    """The convention: the combined gradient has the scale of the sum, K g for K identical g."""
    generator = torch.Generator().manual_seed(1)
    method = build(name, K, D)
    gradients = gradients_of("identical", generator)
    z = torch.randn(B, D, generator=generator)
    method.task_features(z)
    if hasattr(method, "current"):  # identical at z, whatever the rotations
        at_views = gradients.clone()
        at_views[..., : method.m] = gradients[..., : method.m] @ method.current.detach().mT
    else:
        at_views = gradients
    _, update = take_step(method, z, at_views)
    torch.testing.assert_close(update, K * gradients[0], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_same_generator_same_update(name):
    generator = torch.Generator().manual_seed(2)
    gradients, z = torch.randn(K, B, D, generator=generator), torch.randn(B, D, generator=generator)
    torch.manual_seed(5)
    _, first = take_step(build(name, K, D, seed=3), z, gradients)
    torch.manual_seed(6)
    before = torch.random.get_rng_state()
    _, second = take_step(build(name, K, D, seed=3), z, gradients)
    assert torch.equal(first, second)
    assert torch.equal(before, torch.random.get_rng_state()), "the global generator was touched"


@pytest.mark.parametrize("name", NAMES)
def test_state_dict_round_trip(name):
    generator = torch.Generator().manual_seed(4)
    first, second = build(name, K, D, seed=1), build(name, K, D, seed=2)
    z = torch.randn(B, D, generator=generator)
    take_step(first, z, torch.randn(K, B, D, generator=generator))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.task_features(z), second.task_features(z))
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@given(st.integers(0, 10_000), st.integers(2, 5), st.sampled_from([1e-6, 1.0, 1e6]))
def test_scale_is_equation_2(seed, tasks, size):
    """`C sum_k U_k` with `C = sum_k alpha_k ||G_k||`, written out."""
    generator = torch.Generator().manual_seed(seed)
    method = build("scale_only", tasks, D).double()
    z = torch.randn(B, D, generator=generator, dtype=torch.double)
    first = size * torch.randn(tasks, B, D, generator=generator, dtype=torch.double)
    then = size * torch.randn(tasks, B, D, generator=generator, dtype=torch.double)
    take_step(method, z, first)
    _, update = take_step(method, z, then)
    ratio = [float(then[k].norm() / first[k].norm()) for k in range(tasks)]
    alpha = [r / sum(ratio) for r in ratio]
    scale = sum(a * float(then[k].norm()) for k, a in enumerate(alpha))
    expected = sum(scale * then[k] / then[k].norm() for k in range(tasks))
    torch.testing.assert_close(update, expected, rtol=1e-9, atol=0)


@given(st.integers(0, 10_000), st.integers(2, 6), st.booleans())
def test_proposition_3_1(seed, tasks, two):
    """A small step along `C sum_k U_k` lowers every loss if K = 2 or no two gradients conflict."""
    generator = torch.Generator().manual_seed(seed)
    tasks = 2 if two else tasks
    z = torch.randn(B, D, generator=generator, dtype=torch.double)
    gradients = torch.randn(tasks, B, D, generator=generator, dtype=torch.double)
    if not two:
        gradients = gradients.abs()  # all pairwise cosines are positive
    _, update = take_step(build("scale_only", tasks, D).double(), z, gradients)
    slopes = (gradients * update).sum((1, 2))
    assert (slopes > 0).all()


def test_mgda_and_imtl_g_closed_forms_for_two_tasks():
    generator = torch.Generator().manual_seed(7)
    g = torch.randn(2, B, D, generator=generator, dtype=torch.double)
    z = torch.randn(B, D, generator=generator, dtype=torch.double)
    difference = g[1] - g[0]
    weight = float(((difference * g[1]).sum() / difference.square().sum()).clamp(0, 1))
    expected = 2 * (weight * g[0] + (1 - weight) * g[1])
    _, update = take_step(build("mgda", 2, D), z, g)
    torch.testing.assert_close(update, expected, rtol=2e-2, atol=2e-2)
    _, update = take_step(build("imtl_g", 2, D), z, g)
    projections = (update * g / g.norm(dim=(1, 2), keepdim=True)).sum((1, 2))
    torch.testing.assert_close(projections[0], projections[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float, torch.double])
@pytest.mark.parametrize("ratio", [1.0, 1e-9, 1e-15])
def test_imtl_g_projects_alike_whatever_the_norms(ratio, dtype):
    """No weight is dropped or negated, however small a gradient; TorchJD's where it is exact."""
    generator = torch.Generator().manual_seed(11)
    g = torch.randn(K, B, D, generator=generator, dtype=torch.double)
    g[0] *= ratio
    step, _ = take_step(build("imtl_g", K, D), torch.zeros(B, D, dtype=dtype), g.to(dtype))
    weights = build("imtl_g", K, D).weights(step)
    update = torch.einsum("k,kbd->bd", weights, step.gradients.double())
    units = step.gradients.double() / step.gradients.double().norm(dim=(1, 2), keepdim=True)
    projections = (update * units).sum((1, 2))
    torch.testing.assert_close(projections, projections.mean().expand(K), rtol=1e-6, atol=0)
    torch.testing.assert_close(weights.sum(), torch.tensor(float(K), dtype=torch.double))
    if ratio == 1:
        theirs = torchjd.aggregation.IMTLG().gramian_weighting(gramian(step.gradients))
        torch.testing.assert_close(weights, K * theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("angle", [1e-2, 1e-4, 1e-6])
def test_imtl_g_of_nearly_opposite_gradients(angle):
    """In float32 their cosine is -1 to rounding; both get half of the weight all the same."""
    g = torch.zeros(2, 1, 2)
    g[0, 0] = torch.tensor([1.0, 0.0])
    g[1, 0] = torch.tensor([-1.0, angle])
    _, update = take_step(build("imtl_g", 2, 2), torch.zeros(1, 2), g)
    torch.testing.assert_close(update[0], torch.tensor([0.0, angle]), rtol=1e-2, atol=angle / 50)


def test_imtl_g_leaves_out_zero_gradients_and_gives_nothing_for_opposite_ones():
    g = torch.randn(K, B, D, generator=torch.Generator().manual_seed(12))
    g[1] = 0
    _, update = take_step(build("imtl_g", K, D), torch.zeros(B, D), g)
    assert update.isfinite().all() and update.norm() > 0
    _, update = take_step(build("imtl_g", 2, D), torch.zeros(B, D), torch.stack([g[0], -g[0]]))
    assert (update == 0).all()


def test_pcgrad_closed_form_for_two_opposed_tasks():
    g = torch.zeros(2, 1, 2, dtype=torch.double)
    g[0, 0], g[1, 0] = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 1.0])
    _, update = take_step(build("pcgrad", 2, 2), torch.zeros(1, 2, dtype=torch.double), g)
    # g0 without its part along g1: (0.5, 0.5); g1 without its part along g0: (0, 1)
    torch.testing.assert_close(update[0], torch.tensor([0.5, 1.5], dtype=torch.double))


@given(st.integers(0, 10_000), st.integers(2, K), st.sampled_from(KINDS))
def test_pcgrad_weights_are_torchjds(seed, tasks, kind):
    """For the same random orders, to rounding: theirs wait for the device, ours do not."""
    products = gramian(gradients_of(kind, torch.Generator().manual_seed(seed)))[:tasks, :tasks]
    products = products / products.max().clamp_min(1e-300)
    torch.manual_seed(seed)
    theirs = torchjd.aggregation.PCGrad().gramian_weighting(products)
    torch.manual_seed(seed)
    ours = weighting.pcgrad_weights(products)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_gradnorm_raises_the_weight_of_the_smaller_gradient():
    generator = torch.Generator().manual_seed(8)
    method = build("gradnorm", 2, D, alpha=0.0)
    gradients = torch.randn(2, B, D, generator=generator) * torch.tensor([0.1, 1.0])[:, None, None]
    take_step(method, torch.randn(B, D, generator=generator), gradients)
    assert method.logits.grad[0] < 0 < method.logits.grad[1]


def test_graddrop_keeps_one_sign_per_feature():
    generator = torch.Generator().manual_seed(9)
    z = torch.rand(1, D, generator=generator) + 0.1
    gradients = torch.randn(K, 1, D, generator=generator)
    _, update = take_step(build("graddrop", K, D), z, gradients)
    positive, negative = gradients.clamp_min(0).sum(0), gradients.clamp_max(0).sum(0)
    assert ((update == positive) | (update == negative)).all()


@pytest.mark.parametrize("size", [1e-15, 1.0, 1e15])
@pytest.mark.parametrize("m", [None, 1, D])
def test_unit_sum_is_the_definition_and_skips_zeros(m, size):
    generator = torch.Generator().manual_seed(10)
    gradients = size * torch.randn(K, B, D, generator=generator)
    gradients[2] = 0
    each = gradients.double()
    lengths = each.norm(dim=(1, 2), keepdim=True)
    expected = (each / lengths.where(lengths > 0, 1)).sum(0)[:, :m]
    found = unit_sum(TaskGradients(torch.zeros(B, D), torch.ones(K), gradients), m)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)


def test_graddrop_slice_by_slice_is_graddrop(monkeypatch):
    generator = torch.Generator().manual_seed(10)
    gradients = torch.randn(K, B, 23, generator=generator, dtype=torch.double)
    z = torch.randn(B, 23, generator=generator, dtype=torch.double)
    whole = take_step(build("graddrop", K, 23), z, gradients)[1]
    for size in (4, 23, 100):
        monkeypatch.setattr(graddrop, "SLICE", size)
        torch.testing.assert_close(take_step(build("graddrop", K, 23), z, gradients)[1], whole)
