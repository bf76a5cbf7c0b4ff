"""Batches: every sample once, normalised, reproducible; augmentations keep content."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from rotograd_replication.data import prepare
from rotograd_replication.data.augment import PADDING, crop, flip
from rotograd_replication.data.loader import Loader
from rotograd_replication.files import sealed


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def write(path, images):
    mean, deviation = prepare.moments(images)
    data = {"samples": len(images), "mean": mean, "std": deviation, "split": "train"}
    targets = np.stack([np.arange(len(images)), np.zeros(len(images))], 1).astype(np.float32)
    tensors = {"images": images, "targets": targets}
    save_file(tensors, path, sealed.blank({"data": json.dumps(data)}))
    sealed.seal(path)
    return path


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def images(request):
    shape = (50, request.param, 12, 12)
    return np.random.Generator(np.random.PCG64(0)).integers(1, 256, shape).astype(np.uint8)


@pytest.fixture
def path(images, tmp_path):
    return write(tmp_path / "train.safetensors", images)


def loader(path, **options):
    return Loader(path, "cpu", 16, **options)


def normalised(images):
    scaled = images / 255
    return (scaled - scaled.mean((0, 2, 3), keepdims=True)) / scaled.std((0, 2, 3), keepdims=True)


def test_a_pass_holds_every_sample_once(path, images):
    batches = list(loader(path).shuffled(seeded()))
    assert [len(x) for x, _ in batches] == [16, 16, 16, 2]
    assert len(loader(path)) == 4
    x, y = (torch.cat(column) for column in zip(*batches, strict=True))
    order = y[:, 0].long()
    assert sorted(order.tolist()) == list(range(50))
    assert order.tolist() != list(range(50))
    assert x.dtype == y.dtype == torch.float32
    np.testing.assert_allclose(x, normalised(images)[order], atol=1e-5)


def test_in_order(path, images):
    made = loader(path, augmentation=["flip", "crop"])
    x, y = (torch.cat(column) for column in zip(*made.in_order(), strict=True))
    assert y[:, 0].tolist() == list(range(50))
    np.testing.assert_allclose(x, normalised(images), atol=1e-5)
    assert torch.equal(made.images, torch.tensor(images))  # bytes on the device are not touched


@pytest.mark.parametrize("augmentation", [[], ["flip"], ["crop"], ["flip", "crop"]])
def test_batches_are_channels_last(path, augmentation):
    made = loader(path, augmentation=augmentation)
    for batches in (made.shuffled(seeded()), made.in_order()):
        for x, _ in batches:
            assert x.is_contiguous(memory_format=torch.channels_last)
    assert made.images.dtype == torch.uint8


def test_passes_differ_and_seeds_reproduce(path):
    made, generator = loader(path, augmentation=["flip", "crop"]), seeded()
    first, second = ([x for x, _ in made.shuffled(generator)] for _ in range(2))
    again = [x for x, _ in made.shuffled(seeded())]
    other = [x for x, _ in made.shuffled(seeded(1))]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], second[0])
    assert not torch.equal(first[0], other[0])


def test_samples_are_the_first(path):
    made = loader(path, samples=20)
    assert sorted(torch.cat([y for _, y in made.shuffled(seeded())])[:, 0].tolist()) == list(
        range(20)
    )
    assert len(made.images) == 20
    assert made.data["samples"] == 50
    for wrong in (0, 51):
        with pytest.raises(ValueError, match=f"`samples`.*Found {wrong}"):
            loader(path, samples=wrong)


def test_float_inputs_pass_as_they_are(tmp_path):
    points = np.array([[1.5, -2.0], [0.25, 3.0]], np.float32)
    made = loader(write(tmp_path / "toy.safetensors", points))
    ((x, y),) = made.shuffled(seeded())
    assert torch.equal(x, torch.tensor(points)[y[:, 0].long()])
    ((x, _),) = made.in_order()
    assert torch.equal(x, torch.tensor(points))
    with pytest.raises(ValueError, match="no images"):
        loader(tmp_path / "toy.safetensors", augmentation=["flip"])


def test_an_unknown_augmentation_is_refused(path):
    with pytest.raises(ValueError, match="Did you mean `flip`"):
        loader(path, augmentation=["flipp"])


def test_flip_mirrors_about_half(images):
    x = torch.tensor(np.concatenate([images] * 8))
    y = flip(x, seeded())
    kept = (y == x).flatten(1).all(1)
    mirrored = (y == x.flip(3)).flatten(1).all(1)
    assert (kept ^ mirrored).all()
    assert 150 < kept.sum() < 250


def test_crop_moves_each_image_by_itself(images):
    x = torch.tensor(images)
    y = crop(x, seeded())
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    padded = torch.nn.functional.pad(x, (PADDING,) * 4)
    moves = set()
    for image, board in zip(y, padded, strict=True):
        places = [
            (i, j)
            for i in range(2 * PADDING + 1)
            for j in range(2 * PADDING + 1)
            if torch.equal(image, board[:, i : i + 12, j : j + 12])
        ]
        assert len(places) == 1  # content of the image itself, moved by whole pixels
        moves.add(places[0])
    assert len(moves) > 20
    assert {i for i, _ in moves} == {j for _, j in moves} == set(range(2 * PADDING + 1))


@pytest.mark.parametrize("augmentation", [flip, crop])
def test_augmentations_follow_their_generator(images, augmentation):
    x = torch.tensor(images)
    assert torch.equal(augmentation(x, seeded()), augmentation(x, seeded()))
    assert not torch.equal(augmentation(x, seeded()), augmentation(x, seeded(1)))
