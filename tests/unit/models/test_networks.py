"""Networks against torchvision and torch.nn, and each can fit one batch."""

import shutil
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from rotograd_replication import plugins
from rotograd_replication.config import load, schema
from rotograd_replication.config.settings import run_settings
from rotograd_replication.models import network
from rotograd_replication.models.heads._base import Heads
from rotograd_replication.models.heads.mlp import Linear
from rotograd_replication.models.heads.mlp import build as build_mlp
from rotograd_replication.runtime.device import set_precision
from rotograd_replication.tasks.evaluation import evaluation_of, metrics_of
from rotograd_replication.tasks.group import Tasks
from rotograd_replication.training.optimizers import Optimizers
from rotograd_replication.training.optimizers import build as build_optimizer
from rotograd_replication.training.step import task_step
from tests.helpers.paths import CONFIGS


def test_resnet18_is_torchvisions():
    import torchvision

    theirs = torchvision.models.resnet18()
    theirs.fc = torch.nn.Identity()
    ours = plugins.load("networks", "resnet18").build(512, stem="imagenet")
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


def test_small_stem_keeps_resolution_and_width_scales():
    ours = plugins.load("networks", "resnet18").build(64, stem="small")
    assert ours(torch.randn(2, 3, 32, 32)).shape == (2, 64)
    with pytest.raises(ValueError, match="multiple of 8. Found 50"):
        plugins.load("networks", "resnet18").build(50, stem="small")


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (5, 5)])
def test_a_convolution_of_a_small_map_as_a_product(size, stride):
    module = plugins.load("networks", "resnet18").ProductConv2d
    product = module(3, 4, 3, stride, padding=1, bias=False).double()
    x = torch.randn(2, 3, *size, dtype=torch.double, requires_grad=True)
    found, expected = product(x), torch.nn.Conv2d.forward(product, x)
    torch.testing.assert_close(found, expected)
    inputs, direction = (x, product.weight), torch.randn_like(expected)
    gradients = [torch.autograd.grad(y, inputs, direction) for y in (found, expected)]
    torch.testing.assert_close(*gradients)


def test_resnet18_with_products_is_the_same_network():
    build = plugins.load("networks", "resnet18").build
    nets = [build(64, stem="imagenet", small_maps=name) for name in ("convolution", "product")]
    nets[1].load_state_dict(nets[0].state_dict())
    x = torch.randn(4, 3, 32, 32).to(memory_format=torch.channels_last)
    torch.testing.assert_close(*(net.eval()(x) for net in nets))


@pytest.mark.parametrize("side", [16, 28, 29, 32, 47])
def test_lenet_fits_any_side(side):
    ours = plugins.load("networks", "lenet").build(7, in_channels=3, side=side)
    assert ours(torch.randn(2, 3, side, side)).shape == (2, 7)
    with pytest.raises(ValueError, match="at least 16 pixels. Found 15"):
        plugins.load("networks", "lenet").build(7, in_channels=3, side=15)


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_convnet_has_the_parameters_of_its_layers():
    ours = plugins.load("networks", "convnet").build(512)
    pairs = [(3, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    convolutions = sum(9 * a * b + 2 * b for a, b in pairs)  # 3 x 3 kernels; a scale and a shift
    linears = 2 * (512 * 512 + 2 * 512)
    assert parameters(ours) == convolutions + linears == 5_176_640
    assert ours(torch.randn(2, 3, 64, 64)).shape == (2, 512)
    before_average = ours[: [isinstance(m, torch.nn.AdaptiveAvgPool2d) for m in ours].index(True)]
    assert before_average(torch.randn(2, 3, 64, 64)).shape == (2, 512, 8, 8)
    with pytest.raises(ValueError, match="multiple of 8. Found 50"):
        plugins.load("networks", "convnet").build(50)


def test_resnet18_over_a_grid_is_a_four_by_four_average_pool():
    build = plugins.load("networks", "resnet18").build
    ours, plain = build(2048, stem="small", grid=2).eval(), build(512, stem="small").eval()
    plain.load_state_dict(ours.state_dict())  # the grid adds and renames no parameter
    # Torchvision's 11,176,512 without its last layer, and a 3 x 3 stem for one of 7 x 7.
    assert parameters(ours) == 11_176_512 - (49 - 9) * 3 * 64
    maps = []
    ours.layer4.register_forward_hook(lambda *found: maps.append(found[-1]))
    with torch.no_grad():
        x = torch.randn(1, 3, 64, 64)
        z = ours(x)
        assert maps[0].shape == (1, 512, 8, 8)
        expected = torch.nn.functional.avg_pool2d(maps[0], 4).flatten(1)
        torch.testing.assert_close(z, expected)
        torch.testing.assert_close(z.view(1, 512, 4).mean(2), plain(x))
    with pytest.raises(ValueError, match="multiple of 32. Found 40"):
        build(40, stem="small", grid=2)


def test_stacked_heads_are_separate_linear_layers():
    torch.manual_seed(0)
    stack = Linear(3, 5, 2)
    x = torch.randn(3, 4, 5)
    for k in range(3):
        alone = torch.nn.Linear(5, 2)
        with torch.no_grad():
            alone.weight.copy_(stack.weight[k].T)
            alone.bias.copy_(stack.bias[k, 0])
        torch.testing.assert_close(stack(x)[k], alone(x[k]))


def test_heads_of_one_shape_are_one_module():
    tasks = Tasks(load.load_study(CONFIGS, "paper").datasets["mnist"].tasks)
    heads = Heads(tasks.head_groups, partial(build_mlp, features=50, hidden=[50]))
    assert len(heads.stacks) == 2  # left and right; sum, parity and active pixels
    assert [tuple(out.shape) for out in heads(torch.randn(5, 7, 50))] == [(2, 7, 10), (3, 7, 1)]


def test_task_losses_are_torchs():
    names = {"classification": 10, "regression": 1, "binary": 1}
    tasks = Tasks([schema.Task(name=k, label=k, kind=k, outputs=n) for k, n in names.items()])
    outputs = [torch.randn(1, 6, 10), torch.randn(2, 6, 1)]
    targets = torch.stack([torch.arange(6.0), torch.randn(6), (torch.arange(6) % 2).float()], 1)
    expected = [
        torch.nn.functional.cross_entropy(outputs[0][0], targets[:, 0].long()),
        torch.nn.functional.mse_loss(outputs[1][0, :, 0], targets[:, 1]),
        torch.nn.functional.binary_cross_entropy_with_logits(outputs[1][1, :, 0], targets[:, 2]),
    ]
    torch.testing.assert_close(tasks.losses(outputs, targets), torch.stack(expected))
    found = metrics_of(tasks, outputs, targets)
    right = (outputs[0][0].argmax(1) == targets[:, 0]).float().mean()
    assert found["classification"]["accuracy"] == pytest.approx(float(right))
    assert found["regression"]["mse"] == pytest.approx(float(expected[1]), rel=1e-6)


def test_f1_of_a_task_without_positives_is_zero():
    task = schema.Task(name="never", label="never", kind="binary", outputs=1)
    found = metrics_of(Tasks([task]), [-torch.ones(1, 4, 1)], torch.zeros(4, 1))
    assert found["never"]["f1"] == 0.0


@pytest.mark.parametrize("batch", [1, 4, 5, 20])
def test_f1_over_batches_is_the_plain_mean_of_scikit_learns(batch):
    task = schema.Task(name="rare", label="rare", kind="binary", outputs=1)
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(1, 10, 1, generator=generator)
    targets = (torch.rand(10, 1, generator=generator) < 0.4).float()
    evaluation = evaluation_of(Tasks([task]), batch)
    for samples in (slice(0, 8), slice(8, 10)):
        evaluation.update([outputs[:, samples]], targets[samples])
    found = evaluation.compute()["rare"]
    right, said = targets[:, 0].numpy(), outputs[0, :, 0].numpy() > 0
    ends = [slice(i, i + batch) for i in range(0, 10, batch)]
    parts = [f1_score(right[part], said[part], zero_division=0.0) for part in ends]
    assert found["f1"] == f1_score(right, said)
    assert found["f1_batches"] == pytest.approx(np.mean(parts))
    assert (found["f1_batches"] != found["f1"]) == (batch < 10)


@pytest.mark.parametrize(
    "experiment, shape, method",
    [
        ("digits", (16, 1, 28, 28), "vanilla"),
        ("digits", (16, 1, 28, 28), "rotograd"),
        ("digits_svhn", (16, 3, 32, 32), "vanilla"),
        ("cifar10", (16, 3, 32, 32), "vanilla"),
        ("cifar10", (16, 3, 32, 32), "rotograd"),
        ("celeba_conv", (16, 3, 64, 64), "vanilla"),
        ("celeba_resnet", (16, 3, 64, 64), "vanilla"),
    ],
)
def test_every_network_fits_one_batch(experiment, shape, method):
    study = load.load_study(CONFIGS, "quick")
    settings = run_settings(study, experiment, method)
    tasks = Tasks(study.datasets[study.experiments[experiment].dataset].tasks)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator)
    classes = torch.randint(10, (16, 2), generator=generator).float()
    if experiment.startswith("digits"):
        others = torch.stack([classes.sum(1), classes.prod(1) % 2, torch.randn(16)], 1)
        y = torch.cat([classes, others], 1)
    elif experiment.startswith("celeba"):
        y = torch.randint(2, (16, 40), generator=generator).float()
    else:
        y = torch.nn.functional.one_hot(classes[:, 0].long(), 10).float()
    net = network.build(settings, tasks, seed=0)
    optimizers = Optimizers(net, settings)
    losses = []
    while len(losses) < 120 and not (losses and losses[-1] < 0.2 * losses[0]):
        optimizers.zero_grad()
        step, _ = task_step(net, tasks, x, y, torch.ones(len(tasks)))
        optimizers.step()
        losses.append(float(step.losses.sum()))
    assert losses[-1] < 0.2 * losses[0]


def test_all_methods_share_initialisation():
    study = load.load_study(CONFIGS, "quick")
    tasks = Tasks(study.datasets["mnist_standin"].tasks)
    states = [
        network.build(run_settings(study, "digits", m), tasks, 3).state_dict()
        for m in ("vanilla", "rotograd", "gradnorm")
    ]
    shared = [k for k in states[0] if k.startswith(("backbone", "heads"))]
    assert shared
    assert all(torch.equal(states[0][k], s[k]) for s in states[1:] for k in shared)


def test_every_parameter_has_a_gradient_after_a_step():
    study = load.load_study(CONFIGS, "quick")
    tasks = Tasks(study.datasets["mnist_standin"].tasks)
    net = network.build(run_settings(study, "digits", "rotograd"), tasks, 0)
    task_step(net, tasks, torch.randn(4, 1, 28, 28), torch.ones(4, 5), torch.ones(5))
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_a_variant_trains_its_rotations_at_its_own_rate():
    study = load.load_study(CONFIGS, "paper")
    tasks = Tasks(study.datasets["mnist"].tasks)
    for name, rate in (("rotograd_lr_1e-4", 1e-4), ("rotograd_lr_5e-3", 5e-3)):
        settings = run_settings(study, "stability", name)
        _, rotations = Optimizers(network.build(settings, tasks, 0), settings).optimizers
        assert rotations.param_groups[0]["lr"] == rate


def test_gradnorms_weights_have_their_own_optimiser_rate_and_decay():
    """Beside rotations too, whose rate falls."""
    study = load.load_study(CONFIGS, "quick")
    tasks = Tasks(study.datasets["mnist_standin"].tasks)
    settings = run_settings(study, "digits", "rotograd")
    wrapped = run_settings(study, "digits", "gradnorm")["method"]
    settings["method"]["inner"] = wrapped
    net = network.build(settings, tasks, 0)
    optimizers = Optimizers(net, settings)
    shared, rotations, weights = optimizers.optimizers
    (parameter,) = weights.param_groups[0]["params"]
    assert type(weights) is torch.optim.Adam and parameter is net.method.inner.logits
    for _ in range(50):
        task_step(net, tasks, torch.randn(4, 1, 28, 28), torch.ones(4, 5), torch.ones(5))
        optimizers.step()
    rates = [one.param_groups[0]["lr"] for one in (shared, rotations, weights)]
    assert rates[0] == settings["training"]["optimizer"]["learning_rate"]
    assert rates[1] < settings["training"]["rotation"]["learning_rate"]
    assert rates[2] == wrapped["parameters"]["learning_rate"] == 1e-3


ROTATED = [
    ("digits", "rotograd", 32),
    ("digits_svhn", "rotograd", 32),
    ("stability", "rotograd_lr_1e-5", 32),
    ("cifar10", "rotograd_eighth", 32),
    ("cifar10", "imtl_g_rotation", 32),
    ("celeba_conv", "rotograd_50", 8),
    ("celeba_resnet", "rotograd_75", 2),
    ("nyuv2", "rotograd_subspace", 2),
]


@pytest.mark.parametrize("experiment, method, batch", ROTATED)
def test_first_steps_move_the_rotations_by_what_their_rate_says(experiment, method, batch):
    """Of every experiment of the paper, at full size, whatever the size of the gradient.

    The gradient is that of the first step (the same for all parametrisations); the optimiser is
    compared with one that is given the signs of that gradient, so that no `eps` counts.
    """
    study = load.load_study(CONFIGS, "paper")
    settings = run_settings(study, experiment, method)
    settings["method"]["parameters"]["parametrisation"] = "dynamic"
    data = study.datasets[study.experiments[experiment].dataset]
    tasks = Tasks(data.tasks)
    net = network.build(settings, tasks, 0)
    generator = torch.Generator().manual_seed(0)
    maps = data.shape[1:] if tasks.dense else ()
    y = torch.randint(2, (batch, sum(t.targets for t in data.tasks), *maps), generator=generator)
    x = torch.randn(batch, *data.shape, generator=generator)
    task_step(net, tasks, x, y.float(), torch.ones(len(tasks)))
    (parameters, chosen), *_ = net.method.param_groups(settings["training"]["rotation"])
    gradient = torch.cat([one.grad.flatten() for one in parameters])
    gradient = gradient[gradient != 0][:1_000_000]
    moved = []
    for slopes in (gradient, gradient.sign()):
        parameter = torch.nn.Parameter(torch.zeros_like(gradient))
        optimizer = build_optimizer([parameter], chosen)
        for step in range(10):
            if step == 5:  # RAdam's first five steps are plain gradient descent
                start = parameter.detach().clone()
            parameter.grad = slopes.clone()
            optimizer.step()
        moved.append((parameter.detach() - start).abs())
    assert len(gradient) > 100
    shares = moved[0] / moved[1]
    assert float(shares.quantile(0.01)) > 0.99 and float(shares.max()) < 1.01


def test_a_backbone_in_bfloat16_leaves_the_rest_in_float32():
    study = load.load_study(CONFIGS, "quick")
    settings = run_settings(study, "digits", "rotograd")
    assert settings["training"]["precision"] == "float32"
    x = torch.randn(8, 1, 28, 28)
    tasks = Tasks(study.datasets["mnist_standin"].tasks)
    exact = network.build(settings, tasks, 0).features(x)
    settings["training"]["precision"] = "bf16"
    net = network.build(settings, tasks, 0)
    rough = net.features(x)
    assert exact.dtype == rough.dtype == torch.float32
    assert not torch.equal(exact, rough)
    torch.testing.assert_close(exact, rough, rtol=0.05, atol=0.05)
    y = torch.ones(8, 5)
    step, update = task_step(net, tasks, x, y, torch.ones(5))
    assert step.gradients.dtype == update.dtype == torch.float32
    assert all(p.grad.dtype == torch.float32 for p in net.parameters() if p.grad is not None)


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_compiled_network_takes_the_same_step():
    study = load.load_study(CONFIGS, "quick")
    settings = run_settings(study, "digits", "rotograd")
    assert settings["training"]["compiled"] is False
    x, y = torch.rand(8, 1, 28, 28), torch.ones(8, 5)
    tasks = Tasks(study.datasets["mnist_standin"].tasks)
    found = []
    for compiled in (False, True):
        settings["training"]["compiled"] = compiled
        net = network.build(settings, tasks, 0)
        task_step(net, tasks, x, y, torch.ones(5))
        found.append({name: p.grad for name, p in net.named_parameters()})
    assert torch._dynamo.utils.counters["frames"]["ok"] >= 2, "backbone and heads were compiled"
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-4, atol=1e-6, msg=name)


def test_convolutions_round_to_tf32_only_where_a_run_asks_for_it():
    for name, rounds in (("tf32", True), ("float32", False), ("bf16", False)):
        set_precision(name)
        assert torch.backends.cudnn.allow_tf32 is rounds
        assert torch.backends.cuda.matmul.allow_tf32 is False
