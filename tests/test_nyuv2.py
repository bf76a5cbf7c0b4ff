"""NYUv2 from its stand-in: splits, channels, rounding, damage; geometry of the rooms; one run."""

import io
import zipfile

import numpy as np
import pytest
import torch

from rotograd_replication import config, network, prepare, records, schema
from rotograd_replication.datasets import nyuv2
from rotograd_replication.loader import Loader
from rotograd_replication.standins import nyuv2 as standin
from rotograd_replication.standins._rays import directions
from rotograd_replication.tasks import Tasks
from rotograd_replication.train import Optimizers, task_step
from tests.paths import CONFIGS

SIZE = {"height": 12, "width": 16}
GIVEN = {"train": 8, "test": 3, **SIZE, "validation": 2, "validation_seed": 0}
GIVEN |= {"images": "uint8", "targets": "float16"}


@pytest.fixture
def raw(tmp_path):
    standin.write(tmp_path, seed=0, train=8, test=3, **SIZE)
    return tmp_path


def arrays(folder):
    with zipfile.ZipFile(folder / nyuv2.ARCHIVE) as archive:
        return {name: np.load(io.BytesIO(archive.read(name))) for name in archive.namelist()}


def rewrite(folder, change):
    """The archive with its members `{name: bytes}` changed."""
    with zipfile.ZipFile(folder / nyuv2.ARCHIVE) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(folder / nyuv2.ARCHIVE, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def saved(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def test_samples_channels_and_rounding(raw):
    original = arrays(raw)
    splits = nyuv2.prepare(raw, **GIVEN)
    assert {k: len(v[0]) for k, v in splits.items()} == {"train": 6, "val": 2, "test": 3}
    order = np.random.Generator(np.random.PCG64(0)).permutation(8)
    numbers = {"train": np.sort(order[:6]), "val": np.sort(order[6:]), "test": range(3)}
    for split, (images, targets) in splits.items():
        folder = "val" if split == "test" else "train"
        assert images.dtype == np.uint8 and targets.dtype == np.float16
        for place, i in enumerate(numbers[split]):
            image, label, depth, normal = (
                original[f"{folder}/{kind}/{i}.npy"] for kind in nyuv2.FOLDERS
            )
            assert np.abs(images[place].transpose(1, 2, 0) / 255 - image).max() <= 0.5 / 255 + 1e-7
            assert np.array_equal(targets[place, 0], label)
            assert np.array_equal(targets[place, 1] == 0, depth[..., 0] == 0)
            np.testing.assert_allclose(targets[place, 1], depth[..., 0], rtol=2**-11)
            np.testing.assert_allclose(targets[place, 2:].transpose(1, 2, 0), normal, atol=2**-12)


def test_other_types(raw):
    splits = nyuv2.prepare(raw, **GIVEN | {"images": "float16", "targets": "float32"})
    images, targets = splits["test"]
    assert images.dtype == np.float16 and targets.dtype == np.float32
    assert np.array_equal(targets[0, 1], arrays(raw)["val/depth/0.npy"][..., 0])


def cut(members):
    members["train/depth/3.npy"] = members["train/depth/3.npy"][:-40]


def no_array(members):
    members["train/depth/3.npy"] = b"no array"


def lose(members):
    del members["train/normal/5.npy"]


def lose_a_sample(members):
    for kind in nyuv2.FOLDERS:
        del members[f"val/{kind}/2.npy"]


def one_more(members):
    members["val/image/3.npy"] = members["val/image/2.npy"]


def blind(members):
    depth = np.ones((12, 16, 1), np.float32)
    depth[3, 4] = np.nan
    members["train/depth/0.npy"] = saved(depth)


def reshape(members):
    members["val/depth/0.npy"] = saved(np.ones((12, 16)))


def relabel(members):
    members["val/label/0.npy"] = saved(np.full((12, 16), 13))


def between(members):
    members["val/label/0.npy"] = saved(np.full((12, 16), 0.5))


def bright(members):
    members["train/image/1.npy"] = saved(np.full((12, 16, 3), 255.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cut, r"`train/depth/3.npy` of nyuv2.zip must be a whole .npy file"),
        (no_array, r"`train/depth/3.npy` of nyuv2.zip must be a whole .npy file"),
        (lose, r"8 samples in train and 3 samples in val.*Found no train/normal/5.npy"),
        (lose_a_sample, r"Found no val/depth/2.npy and 3 more"),
        (one_more, r"Found also val/image/3.npy"),
        (blind, r"`train/depth/0.npy`.*from 0 to 1000. Found nan and 0 more"),
        (reshape, r"`val/depth/0.npy`.*shape \[12, 16, 1\]. Found \[12, 16\]"),
        (relabel, r"`val/label/0.npy`.*whole numbers from -1 to 12. Found 13"),
        (between, r"`val/label/0.npy`.*whole numbers from -1 to 12. Found 0.5"),
        (bright, r"`train/image/1.npy`.*from 0 to 1. Found 255"),
    ],
)
def test_damage_is_one_message(raw, change, message):
    rewrite(raw, change)
    with pytest.raises(ValueError, match=message):
        nyuv2.prepare(raw, **GIVEN)


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.999])
def test_a_truncated_archive_is_refused(raw, keep):
    path = raw / nyuv2.ARCHIVE
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(ValueError, match="must be a whole zip archive"):
        nyuv2.prepare(raw, **GIVEN)


def test_flipped_bits_are_refused(raw):
    path = raw / nyuv2.ARCHIVE
    content = bytearray(path.read_bytes())
    content[2000] ^= 255
    path.write_bytes(content)
    with pytest.raises(ValueError, match="nyuv2.zip"):
        nyuv2.prepare(raw, **GIVEN)


def test_folders_may_lie_deeper(raw):
    plain = nyuv2.prepare(raw, **GIVEN)

    def move(members):
        for name in list(members):
            members[f"nyuv2/{name}"] = members.pop(name)

    rewrite(raw, move)
    assert np.array_equal(nyuv2.prepare(raw, **GIVEN)["val"][1], plain["val"][1])


def test_validation_leaves_a_training_sample(raw):
    with pytest.raises(ValueError, match="below the 8 training samples. Found 8"):
        nyuv2.prepare(raw, **GIVEN | {"validation": 8})


def entry(**parameters):
    dataset = config.load_datasets(CONFIGS)["nyuv2"]
    given = {k: schema.Sourced(value=v, source="choice: a test") for k, v in parameters.items()}
    return dataset.model_copy(update={"parameters": dataset.parameters | given})


@pytest.fixture(params=["uint8", "float16"])
def prepared(raw, request):
    sums = {nyuv2.ARCHIVE: records.sha256(raw / nyuv2.ARCHIVE)}
    record = raw / "archives.json"
    records.write_json(record, {"dataset": "nyuv2", "label": "a label", "archives": sums})
    outputs = {split: raw / f"{split}.safetensors" for split in prepare.SPLITS}
    prepare.run("nyuv2", entry(**GIVEN | {"images": request.param}), record, outputs)
    return outputs


def test_batches_are_normalised_and_float32(prepared):
    loader = Loader(prepared["train"], "cpu", 2, ["scene_crop", "scene_flip"])
    x, y = (torch.cat(column) for column in zip(*loader.in_order(), strict=True))
    assert x.dtype == y.dtype == torch.float32
    assert y.shape == (6, 5, 12, 16)
    torch.testing.assert_close(x.mean((0, 2, 3)), torch.zeros(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(x.std((0, 2, 3)), torch.ones(3), atol=1e-2, rtol=0)
    for x, y in loader.shuffled(torch.Generator().manual_seed(0)):
        assert x.shape == (2, 3, 12, 16) and y.shape == (2, 5, 12, 16)
        assert x.abs().max() < 6


def test_rooms_are_what_their_maps_say():
    """Points of one plane: `<n, p>` is one number per box face and camera."""
    room = standin.draw(np.random.Generator(np.random.PCG64(3)), 60, 80)
    points = directions(60, 80) * room["depth"].reshape(-1, 1)
    normals, label = room["normal"].reshape(-1, 3), room["label"].ravel()
    valid = room["depth"].ravel() > 0
    np.testing.assert_allclose(np.linalg.norm(normals[valid], axis=1), 1, atol=1e-5)
    assert ((normals * points).sum(1)[valid] < 0).all()  # they face the camera
    floor = valid & (label == standin.LABEL["floor"])
    assert floor.sum() > 200
    assert np.ptp((normals[floor] * points[floor]).sum(1)) < 1e-4
    assert np.ptp(normals[floor], axis=0).max() < 1e-6


def test_rooms_show_every_class_and_every_kind_of_gap():
    generator = np.random.Generator(np.random.PCG64(0))
    rooms = [standin.draw(generator, 24, 32) for _ in range(40)]
    labels = np.stack([room["label"] for room in rooms])
    assert set(np.unique(labels)) == set(range(-1, 13))
    assert any((room["depth"] == 0).any() for room in rooms)
    assert all(room["image"].min() >= 0 and room["image"].max() <= 1 for room in rooms)
    depths = np.stack([room["depth"] for room in rooms])
    assert depths[depths > 0].min() > 0.3 and depths.max() < 12


@pytest.mark.parametrize("method", ["vanilla", "rotograd_subspace", "graddrop"])
def test_the_network_fits_one_batch(prepared, method):
    study = config.load_study(CONFIGS, "quick")
    settings = config.run_settings(study, "nyuv2", method)
    settings["network"] |= {"features": 8 * 12 * 16, "parameters": {"filters": [8, 16]}}
    settings["heads"]["parameters"] = {"shape": [8, 12, 16]}
    tasks = Tasks(study.datasets["nyuv2_standin"].tasks)
    net = network.build(settings, tasks, 0)
    optimizers = Optimizers(net, settings)
    x, y = next(Loader(prepared["train"], "cpu", 4).in_order())
    losses = []
    for _ in range(100):
        optimizers.zero_grad()
        step, update = task_step(net, tasks, x, y, torch.ones(3))
        optimizers.step()
        losses.append(step.losses)
    assert update.shape == (4, 8 * 12 * 16)
    assert (losses[-1] < 0.75 * losses[0]).all(), (losses[0], losses[-1])


def test_learning_rates_drop_once():
    study = config.load_study(CONFIGS, "paper")
    settings = config.run_settings(study, "nyuv2", "vanilla")
    settings["network"] |= {"features": 8 * 16, "parameters": {"filters": [8]}}
    settings["heads"]["parameters"] = {"shape": [8, 4, 4]}
    optimizers = Optimizers(
        network.build(settings, Tasks(study.datasets["nyuv2"].tasks), 0), settings
    )
    rates = []
    for epoch in range(1, 201):
        rates.append(optimizers.optimizers[0].param_groups[0]["lr"])
        optimizers.end_epoch(epoch)
    assert rates == [1e-4] * 100 + [5e-5] * 100
