"""Scenes under augmentation: planes stay planes, interpolation is torch's, samples differ."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from rotograd_replication.data import augment_maps
from rotograd_replication.data.augment_maps import scene_crop, scene_flip
from rotograd_replication.data.standins._rays import directions

HEIGHT, WIDTH, COUNT = 48, 64, 40
FOCAL = WIDTH / 2 / np.tan(np.radians(30))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def planes(count=COUNT):
    """Planes `<n, p> = d` seen by a pinhole camera: images, targets and (n, d)."""
    random = np.random.default_rng(0)
    rays = directions(HEIGHT, WIDTH)
    normals = np.column_stack([random.uniform(-0.4, 0.4, (count, 2)), -np.ones(count)])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    distances = -random.uniform(2, 5, count)
    depth = distances[:, None] / (normals @ rays.T)
    targets = np.zeros((count, 5, HEIGHT * WIDTH))
    targets[:, 0] = np.arange(count)[:, None] % 13
    targets[:, 1] = depth
    targets[:, 2:] = normals[:, :, None]
    targets = targets.reshape(count, 5, HEIGHT, WIDTH)
    images = random.integers(256, size=(count, 3, HEIGHT, WIDTH), dtype=np.uint8)
    return torch.tensor(images), torch.tensor(targets, dtype=torch.float32), normals, distances


def inverse_depth(normals, distances):
    """`1 / depth` is linear in the pixel: its slopes `n_x / (d f)` and `n_y / (d f)`."""
    return normals[:, 0] / distances / FOCAL, normals[:, 1] / distances / FOCAL


def fitted(depth):
    """Slopes of `1 / depth` over columns and rows by least squares, and the largest residual."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    basis = np.column_stack([columns.ravel(), rows.ravel(), np.ones(HEIGHT * WIDTH)])
    inverse = 1 / depth.double().numpy().reshape(len(depth), -1).T
    solution, *_ = np.linalg.lstsq(basis, inverse, rcond=None)
    residual = np.abs(basis @ solution - inverse).max(0) / inverse.max(0)
    return solution[0], solution[1], residual


def test_a_mirrored_plane_has_the_mirrored_normal():
    x, y, normals, distances = planes()
    mirrored, maps = scene_flip(x, y, seeded())
    across, _, residual = fitted(maps[:, 1])
    assert (residual < 1e-5).all()
    # the slopes of 1 / depth across the image are those of the normals that the maps state
    stated = maps[:, 2:, 0, 0].double().numpy()
    np.testing.assert_allclose(across, inverse_depth(stated, distances)[0], atol=1e-6)
    flipped = (maps[:, 2, 0, 0] != y[:, 2, 0, 0]).numpy()
    assert 8 < flipped.sum() < 32
    np.testing.assert_allclose(stated[flipped], normals[flipped] * [-1, 1, 1], atol=1e-6)
    np.testing.assert_allclose(stated[~flipped], normals[~flipped], atol=1e-6)
    for i in range(COUNT):
        assert torch.equal(mirrored[i], x[i].flip(2) if flipped[i] else x[i])
        assert torch.equal(maps[i, :2], y[i, :2].flip(2) if flipped[i] else y[i, :2])


def test_an_enlarged_plane_stays_a_plane_and_is_nearer():
    """Depth / s after enlarging by s: slopes of `1 / depth` per pixel stay what they were."""
    x, y, normals, distances = planes()
    image, maps = scene_crop(x, y, seeded())
    across, down, residual = fitted(maps[:, 1])
    assert (residual < 0.012).all()  # the nearest pixel's depth: up to a pixel off
    expected = inverse_depth(normals, distances)
    np.testing.assert_allclose(across, expected[0], atol=2e-4)
    np.testing.assert_allclose(down, expected[1], atol=2e-4)
    torch.testing.assert_close(maps[:, 2:], y[:, 2:], rtol=1e-5, atol=1e-6)
    assert torch.equal(maps[:, 0], y[:, 0])
    assert image.shape == x.shape
    scales = (y[:, 1].amax((1, 2)) / maps[:, 1].amax((1, 2))).numpy()
    assert {1.0, 1.2, 1.5} == {min((1.0, 1.2, 1.5), key=lambda s: abs(s - one)) for one in scales}


@pytest.mark.parametrize("scale", [1.0, 1.2, 1.5])
def test_crops_are_torchs_interpolation_of_a_part(monkeypatch, scale):
    """Every sample equals `F.interpolate` of one of the crops of its size."""
    monkeypatch.setattr(augment_maps, "SCALES", (scale,))
    x, y, *_ = planes(6)
    y = y + torch.rand(y.shape, generator=seeded(1))
    images, maps = scene_crop(x, y, seeded())
    height, width = int(HEIGHT / scale), int(WIDTH / scale)
    size = (HEIGHT, WIDTH)
    places = set()
    for k in range(len(x)):
        for i in range(HEIGHT - height + 1):
            for j in range(WIDTH - width + 1):
                part = y[k : k + 1, :, i : i + height, j : j + width]
                nearest = F.interpolate(part[:, :2], size, mode="nearest")
                nearest[:, 1] /= scale
                if torch.allclose(nearest[0], maps[k, :2]):
                    places.add((k, i, j))
                    picture = x[k : k + 1, :, i : i + height, j : j + width].float()
                    for whole, found in ((picture, images[k]), (part[:, 2:], maps[k, 2:])):
                        wanted = F.interpolate(whole, size, mode="bilinear", align_corners=True)
                        torch.testing.assert_close(wanted[0], found, rtol=1e-4, atol=1e-3)
    assert {k for k, *_ in places} == set(range(6))
    if scale == 1.0:
        assert torch.equal(images, x.float()) and torch.equal(maps, y)
    else:
        assert len({place[1:] for place in places}) > 3


@pytest.mark.parametrize("move", [scene_flip, scene_crop])
def test_they_follow_their_generator_and_leave_the_originals(move):
    x, y, *_ = planes(8)
    kept = x.clone(), y.clone()
    first, again, other = move(x, y, seeded()), move(x, y, seeded()), move(x, y, seeded(1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[1], other[1])
    assert torch.equal(x, kept[0]) and torch.equal(y, kept[1])
