"""Losses and metrics of maps against plain NumPy written from their definitions."""

import math

import numpy as np
import pytest
import torch

from rotograd_replication import plugins
from rotograd_replication.config import schema
from rotograd_replication.tasks.evaluation import evaluation_of
from rotograd_replication.tasks.group import Tasks

KINDS = {"segmentation": (13, 1), "depth": (1, 1), "normals": (3, 3)}
SCALAR = ["avocado", "binary", "classification", "multimodal", "regression"]
SIZE = (4, 6, 8)  # samples, height, width


def tasks():
    return Tasks(
        [
            schema.Task(name=kind, label=kind, kind=kind, outputs=outputs, targets=targets)
            for kind, (outputs, targets) in KINDS.items()
        ]
    )


def scene(kind="mixed", seed=0):
    """Targets `[N, 5, H, W]` and outputs as the heads give them, of the named sort."""
    random = np.random.default_rng(seed)
    n, height, width = SIZE
    label = random.integers(-1, 12, SIZE)  # class 12 is absent
    depth = np.where(random.random(SIZE) < 0.3, 0, random.uniform(0.5, 9, SIZE))
    normal = random.normal(size=(n, 3, height, width))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    normal *= random.random((n, 1, height, width)) < 0.7
    if kind in ("invalid", "one pixel"):
        label[:], depth[:], normal[:] = -1, 0, 0
    if kind == "one pixel":
        label[1, 2, 3], depth[1, 2, 3], normal[1, :, 2, 3] = 5, 2.5, [0.6, 0, -0.8]
    if kind == "one batch invalid":
        label[2:], depth[2:], normal[2:] = -1, 0, 0
    targets = np.concatenate([label[:, None], depth[:, None], normal], 1)
    outputs = [random.normal(size=(1, n, c, height, width)) for c, _ in KINDS.values()]
    return (
        [torch.tensor(one, dtype=torch.float32) for one in outputs],
        torch.tensor(targets, dtype=torch.float32),
    )


def plain(outputs, targets):
    """Everything in loops over pixels: losses and global metrics, NaN where nothing is valid."""
    scores, depths, vectors = (one[0].double().numpy() for one in outputs)
    targets = targets.double().numpy()
    confusion = np.zeros((13, 13))
    nll, absolute, relative, dots, angles = [], [], [], [], []
    for n in range(targets.shape[0]):
        for i in range(targets.shape[2]):
            for j in range(targets.shape[3]):
                label, depth, *normal = targets[n, :, i, j]
                if label >= 0:
                    logits = scores[n, :, i, j]
                    nll.append(math.log(np.exp(logits).sum()) - logits[int(label)])
                    confusion[int(label), logits.argmax()] += 1
                if depth > 0:
                    absolute.append(abs(depths[n, 0, i, j] - depth))
                    relative.append(absolute[-1] / depth)
                if any(normal):
                    unit = vectors[n, :, i, j] / np.linalg.norm(vectors[n, :, i, j])
                    dots.append(unit @ normal)
                    angles.append(math.degrees(math.acos(min(1, max(-1, dots[-1])))))
    union = [confusion[c].sum() + confusion[:, c].sum() - confusion[c, c] for c in range(13)]
    ious = [confusion[c, c] / union[c] for c in range(13) if union[c]]

    def mean(values):
        return float(np.mean(values)) if len(values) else math.nan

    losses = [mean(nll), mean(absolute), 1 - mean(dots)]
    metrics = {
        "miou": mean(ious),
        "pixel_accuracy": np.trace(confusion) / confusion.sum() if nll else math.nan,
        "abs_err": mean(absolute),
        "rel_err": mean(relative),
        "angle_mean": mean(angles),
        "angle_median": float(np.median(angles)) if angles else math.nan,
        "within_11_25": 100 * mean(np.array(angles) < 11.25),
        "within_22_5": 100 * mean(np.array(angles) < 22.5),
        "within_30": 100 * mean(np.array(angles) < 30),
    }
    return losses, metrics


SCENES = ["mixed", "invalid", "one pixel", "one batch invalid"]


def flat(found):
    return {name: value for one in found.values() for name, value in one.items() if name != "loss"}


@pytest.mark.parametrize("kind", SCENES)
def test_losses(kind):
    outputs, targets = scene(kind)
    expected = np.nan_to_num(plain(outputs, targets)[0], nan=0.0)
    np.testing.assert_allclose(tasks().losses(outputs, targets), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", SCENES)
def test_gradients_of_invalid_pixels_are_zero(kind):
    outputs, targets = scene(kind)
    outputs = [one.requires_grad_() for one in outputs]
    grads = torch.autograd.grad(tasks().losses(outputs, targets).sum(), outputs)
    valid = [targets[:, :1] >= 0, targets[:, 1:2] != 0, (targets[:, 2:] != 0).any(1, keepdim=True)]
    for grad, mask in zip(grads, valid, strict=True):
        assert grad.isfinite().all()
        assert not grad[0][~mask.expand(grad[0].shape)].any()
        assert bool(grad.any()) == bool(mask.any())


@pytest.mark.parametrize("kind", SCENES)
@pytest.mark.parametrize("size", [1, 2, 4])
def test_metrics_in_both_conventions(kind, size):
    outputs, targets = scene(kind)
    evaluation, batches = evaluation_of(tasks()), []
    for start in range(0, len(targets), size):
        chosen = slice(start, start + size)
        part = [one[:, chosen] for one in outputs], targets[chosen]
        evaluation.update(*part)
        batches.append(plain(*part)[1])
    found = evaluation.compute()
    losses, whole = plain(outputs, targets)
    for name, loss in zip(KINDS, losses, strict=True):
        assert found[name]["loss"] == pytest.approx(0.0 if math.isnan(loss) else loss, rel=1e-5)
    found = flat(found)
    for name in ("miou", "pixel_accuracy"):
        assert found[name] == pytest.approx(whole[name], rel=1e-6, nan_ok=True)
    for name in set(whole) - {"miou", "pixel_accuracy"}:
        defined = [one[name] for one in batches if not math.isnan(one[name])]
        mean = np.mean(defined) if defined else math.nan
        assert found[name] == pytest.approx(mean, rel=1e-5, nan_ok=True), name
        tolerance = {"abs": 1e-3} if name == "angle_median" else {"rel": 1e-5}
        assert found[f"{name}_global"] == pytest.approx(whole[name], nan_ok=True, **tolerance)
    assert len(found) == 2 + 2 * 7


def test_a_class_that_is_neither_true_nor_predicted_is_left_out():
    scores = torch.zeros(1, 3, 1, 2)
    scores[0, 0, 0, 0] = scores[0, 1, 0, 1] = 1
    metric = plugins.load("kinds", "segmentation").build().metrics()
    metric.update(scores, torch.tensor([[[[0.0, 0.0]]]]))  # true 0, 0; predicted 0, 1
    assert metric.compute() == {"miou": 0.25, "pixel_accuracy": 0.5}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("valid", [True, False])
@pytest.mark.parametrize("place", range(3))
def test_one_output_that_is_not_finite_makes_every_metric_of_its_task_nan(place, valid, value):
    outputs, targets = scene()
    masks = [targets[:, 0] >= 0, targets[:, 1] != 0, (targets[:, 2:] != 0).any(1)]
    n, i, j = (masks[place] == valid).nonzero()[0]
    outputs[place][0, n, 0, i, j] = value
    evaluation = evaluation_of(tasks())
    for sample in range(len(targets)):
        chosen = slice(sample, sample + 1)
        evaluation.update([one[:, chosen] for one in outputs], targets[chosen])
    found = list(evaluation.compute().values())
    metrics = [{k: v for k, v in one.items() if k != "loss"} for one in found]
    assert all(math.isnan(one) for one in metrics[place].values())
    for other in {0, 1, 2} - {place}:
        assert all(math.isfinite(one) for one in found[other].values())


@pytest.mark.parametrize("pixels", [1, 3])
def test_a_predicted_normal_without_direction_makes_every_metric_nan(pixels):
    """As in MTAN and LibMTL: 0 / 0. Its loss is 1."""
    vectors, targets = torch.zeros(1, 3, 1, 3), torch.zeros(1, 3, 1, 3)
    vectors[:, 0] = targets[:, 0] = 1
    vectors[..., :pixels] = 0
    metric = plugins.load("kinds", "normals").build().metrics()
    metric.update(vectors, targets)
    assert all(math.isnan(value) for value in metric.compute().values())
    alone = Tasks([tasks().tasks[2]])
    assert alone.losses([vectors[None]], targets).tolist() == pytest.approx([pixels / 3])


@pytest.mark.parametrize("length", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("angle", [0, 11, 90, 180])
def test_angles_are_right_at_every_length_of_the_prediction(length, angle):
    turn = math.radians(angle)
    vector = length * torch.tensor([math.cos(turn), math.sin(turn), 0.0], dtype=torch.double)
    metric = plugins.load("kinds", "normals").build().metrics()
    metric.update(
        vector.float().expand(2, 5, 3).permute(0, 2, 1)[..., None],
        torch.tensor([1.0, 0, 0]).expand(2, 5, 3).permute(0, 2, 1)[..., None],
    )
    found = metric.compute()
    for name in ("angle_mean", "angle_median", "angle_mean_global", "angle_median_global"):
        assert found[name] == pytest.approx(angle, abs=6e-4)
        assert 0 <= found[name] <= 180
    assert found["within_11_25"] == found["within_11_25_global"] == 100 * (angle < 11.25)


@pytest.mark.parametrize("kind", SCALAR)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_number_that_is_not_finite_makes_the_metric_nan(kind, value):
    """Of the kinds whose targets are single numbers."""
    of_kind, outputs = plugins.load("kinds", kind).build(), np.zeros((5, 2))
    found = of_kind.measure(outputs, np.ones(5), 1.0, 3)
    assert np.isfinite(found).all() and len(found) == len(
        plugins.constant("kinds", kind, "METRICS")
    )
    outputs[3, -1] = value
    assert np.isnan(of_kind.measure(outputs, np.ones(5), 1.0, 3)).all()


def test_every_kind_of_task_is_tested_here():
    """And measures what it says: the metrics of results, in their order."""
    dense = {kind for kind in plugins.names("kinds") if plugins.constant("kinds", kind, "DENSE")}
    assert dense == set(KINDS) and {*SCALAR, *dense} == set(plugins.names("kinds"))
    outputs, targets = scene()
    whole = evaluation_of(tasks())
    whole.update(outputs, targets)
    for kind, metrics in whole.compute().items():
        assert set(metrics) == {*plugins.constant("kinds", kind, "METRICS"), "loss"}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"kind": "norrmals"}, "`norrmals` is not one of kinds. Did you mean `normals`"),
        ({"targets": 1}, "`targets` of n must be 3, as its kind is normals. Found 1."),
    ],
)
def test_a_task_that_its_kind_does_not_fit_is_refused(changes, message):
    given = {"name": "n", "label": "n", "kind": "normals", "outputs": 3, "targets": 3}
    schema.Task.model_validate(given)
    with pytest.raises(ValueError, match=message):
        schema.Task.model_validate(given | changes)


def test_single_tasks_take_their_channels():
    together = tasks()
    assert together.columns == [[0], [1], [2, 3, 4]]
    outputs, targets = scene()
    whole = together.losses(outputs, targets)
    for k, task in enumerate(together.tasks):
        alone = Tasks([task]).losses([outputs[k]], targets[:, together.columns[k]])
        torch.testing.assert_close(alone[0], whole[k])


def test_tasks_of_one_shape_are_measured_together():
    pair = [schema.Task(name=name, label=name, kind="depth", outputs=1, targets=1) for name in "ab"]
    outputs, targets = scene()
    stacked = torch.cat([outputs[1], outputs[1] + 1])
    both = torch.cat([targets[:, 1:2], 2 * targets[:, 1:2]], 1)
    found = Tasks(pair).losses([stacked], both)
    for k in range(2):
        alone = Tasks(pair[:1]).losses([stacked[k : k + 1]], both[:, k : k + 1])
        torch.testing.assert_close(found[k], alone[0])
