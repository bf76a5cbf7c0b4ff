"""NYUv2 from its stand-in: splits, channels, rounding, damage; geometry of the rooms; one run."""

import io
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from rotograd_replication.config import load as config
from rotograd_replication.config.settings import run_settings
from rotograd_replication.data import fetch, prepare
from rotograd_replication.data.datasets import nyuv2
from rotograd_replication.data.loader import Loader
from rotograd_replication.data.standins import nyuv2 as standin
from rotograd_replication.data.standins._rays import directions
from rotograd_replication.files import atomic as records
from rotograd_replication.models import network
from rotograd_replication.tasks.group import Tasks
from rotograd_replication.training.optimizers import Optimizers
from rotograd_replication.training.step import task_step
from tests.helpers import entries
from tests.helpers.paths import CONFIGS, ROOT

SIZE = {"height": 12, "width": 16}
GIVEN = {"train": 8, "test": 3, **SIZE, "validation": 2, "validation_seed": 0}
GIVEN |= {"images": "uint8", "targets": "float16", "standardised": False}


@pytest.fixture
def raw(tmp_path):
    standin.write(tmp_path, seed=0, train=8, test=3, **SIZE)
    return tmp_path


def read(folder, **given):
    """What the plug-in returns, its files in a folder of their own."""
    return nyuv2.prepare(folder, Path(tempfile.mkdtemp(dir=folder)), **given)


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
    splits = read(raw, **GIVEN)
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
    splits = read(raw, **GIVEN | {"images": "float16", "targets": "float32"})
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
        (cut, r"`nyuv2.zip: train/depth/3.npy` must be a whole .npy file"),
        (no_array, r"`nyuv2.zip: train/depth/3.npy` must be a whole .npy file"),
        (lose, r"8 samples in train and 3 samples in val.*Found no train/normal/5.npy"),
        (lose_a_sample, r"Found no val/depth/2.npy and 3 more"),
        (one_more, r"Found also val/image/3.npy"),
        (blind, r"`nyuv2.zip: train/depth/0.npy`.*from 0 to 1000. Found nan\."),
        (reshape, r"`nyuv2.zip: val/depth/0.npy`.*shape \[12, 16, 1\]. Found \[12, 16\]"),
        (relabel, r"`nyuv2.zip: val/label/0.npy`.*whole numbers from -1 to 12. Found 13"),
        (between, r"`nyuv2.zip: val/label/0.npy`.*whole numbers from -1 to 12. Found 0.5"),
        (bright, r"`nyuv2.zip: train/image/1.npy`.*from 0 to 1. Found 255"),
    ],
)
def test_damage_is_one_message(raw, change, message):
    rewrite(raw, change)
    with pytest.raises(ValueError, match=message) as error:
        prepare.run("nyuv2", entry(**GIVEN), recorded(raw), files(raw))
    assert "\n" not in str(error.value)
    assert not [path for path in files(raw).values() if path.exists()]


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.999])
def test_a_truncated_archive_is_refused(raw, keep):
    path = raw / nyuv2.ARCHIVE
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(ValueError, match="must be a whole zip archive"):
        read(raw, **GIVEN)


def test_flipped_bits_are_refused(raw):
    path = raw / nyuv2.ARCHIVE
    content = bytearray(path.read_bytes())
    content[2000] ^= 255
    path.write_bytes(content)
    with pytest.raises(ValueError, match="nyuv2.zip"):
        read(raw, **GIVEN)


def test_folders_may_lie_deeper(raw):
    plain = read(raw, **GIVEN)

    def move(members):
        for name in list(members):
            members[f"nyuv2/{name}"] = members.pop(name)

    rewrite(raw, move)
    assert np.array_equal(read(raw, **GIVEN)["val"][1], plain["val"][1])


def traces(members):
    for name in list(members):
        folder, _, file = name.rpartition("/")
        members[f"__MACOSX/{folder}/._{file}"] = b"no array"
    members["train/.DS_Store"] = b"no array"


def read_me(members):
    members["README.txt"] = b"text"
    members["train/instance/0.npy"] = b"no array"


def windows(members):
    for name in list(members):
        members[name.replace("/", "\\")] = members.pop(name)


def deeper(members):
    for name in list(members):
        members[f"a host's folder/{name}"] = members.pop(name)


def fetched(raw, tmp_path, place):
    """What is recorded of the archive in `raw`, and what results quote."""
    hashes = tmp_path / place / "hashes.json"
    fetch.run("nyuv2", entry(**GIVEN), raw, tmp_path / place / "archives.json", hashes)
    quoted = prepare.verify("nyuv2", tmp_path / place / "archives.json")
    return records.read_json(hashes), quoted


@pytest.mark.parametrize("change", [traces, read_me, windows, deeper])
def test_what_no_reader_reads_changes_nothing(raw, tmp_path, change):
    plain, known = read(raw, **GIVEN), fetched(raw, tmp_path, "plain")
    folders = [f"{split}/{kind}" for split in ("train", "val") for kind in nyuv2.FOLDERS]
    assert sorted(known[0][nyuv2.ARCHIVE]) == sorted(folders)
    assert {known[0][nyuv2.ARCHIVE][f]["files"] for f in folders[:4]} == {8}
    rewrite(raw, change)
    assert np.array_equal(read(raw, **GIVEN)["val"][1], plain["val"][1])
    assert fetched(raw, tmp_path, "other") == known


@pytest.mark.parametrize("change", [cut, no_array, lose, one_more, blind, relabel])
def test_what_cannot_be_prepared_is_not_recorded(raw, tmp_path, change):
    rewrite(raw, change)
    with pytest.raises(fetch.FetchError, match=r"nyuv2\.zip.*mirror=FOLDER"):
        fetched(raw, tmp_path, "bad")
    assert not list((tmp_path / "bad").iterdir())


def test_a_sample_that_is_there_twice_is_refused(raw):
    rewrite(raw, lambda members: members.update({"b/val/label/0.npy": members["val/label/0.npy"]}))
    with pytest.raises(ValueError, match="Found twice val/label/0.npy"):
        read(raw, **GIVEN)


def test_validation_leaves_a_training_sample(raw):
    with pytest.raises(ValueError, match="below the 8 training samples. Found 8"):
        read(raw, **GIVEN | {"validation": 8})


def entry(**parameters):
    return entries.entry("nyuv2", (6, 2, 3), [3, *SIZE.values()], **parameters)


def recorded(raw):
    sums = {nyuv2.ARCHIVE: records.sha256(raw / nyuv2.ARCHIVE)}
    path = raw / "archives.json"
    records.write_json(path, {"dataset": "nyuv2", "label": "a label", "archives": sums})
    return path


def files(folder):
    return {split: folder / "prepared" / f"{split}.safetensors" for split in prepare.SPLITS}


@pytest.fixture(params=["uint8", "float16"])
def prepared(raw, request):
    prepare.run("nyuv2", entry(**GIVEN | {"images": request.param}), recorded(raw), files(raw))
    return files(raw)


def test_batches_are_in_the_range_that_mtan_feeds(raw, prepared):
    loader = Loader(prepared["test"], "cpu", 2, ["scene_crop", "scene_flip"])
    x, y = (torch.cat(column) for column in zip(*loader.in_order(), strict=True))
    assert x.dtype == y.dtype == torch.float32
    assert y.shape == (3, 5, 12, 16)
    images = np.stack([arrays(raw)[f"val/image/{i}.npy"] for i in range(3)])
    expected = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    torch.testing.assert_close(x, expected, atol=0.51 / 255, rtol=0)
    for x, y in loader.shuffled(torch.Generator().manual_seed(0)):
        assert x.shape[1:] == (3, 12, 16) and y.shape[1:] == (5, 12, 16)
        assert x.min() >= 0 and x.max() <= 1 + 1e-6


@pytest.mark.parametrize("kind", ["uint8", "float16"])
def test_images_can_be_standardised(raw, kind):
    given = GIVEN | {"images": kind, "standardised": True}
    prepare.run("nyuv2", entry(**given), recorded(raw), files(raw))
    loader = Loader(files(raw)["train"], "cpu", 6)
    x, _ = next(loader.in_order())
    torch.testing.assert_close(x.mean((0, 2, 3)), torch.zeros(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(x.std((0, 2, 3)), torch.ones(3), atol=1e-2, rtol=0)


def counting(monkeypatch):
    calls, original = [], nyuv2.read_array
    note = lambda content, place, size: calls.append(place) or original(content, place, size)  # noqa: E731
    monkeypatch.setattr(nyuv2, "read_array", note)
    return calls


def numbers(calls):
    """The samples of `train` whose images were read."""
    return [int(c.split("/")[2].removesuffix(".npy")) for c in calls if c.startswith("train/image")]


def stopped(*_):
    raise OSError("the power went")


def test_what_is_read_is_not_read_again(raw, monkeypatch):
    """A kill may leave one file ahead of the other, and part of a sample in either."""
    path, whole = recorded(raw), files(raw)
    with monkeypatch.context() as patch:
        patch.setattr(prepare.streamed, "save", stopped)
        with pytest.raises(OSError, match="the power went"):
            prepare.run("nyuv2", entry(**GIVEN), path, whole)
    work = raw / "prepared" / ".work"
    for column, bytes_kept in (("images", 4 * 576 + 100), ("targets", 5 * 1920 + 7)):
        part = work / f"train.{column}"
        part.write_bytes(part.read_bytes()[:bytes_kept])
    with monkeypatch.context() as patch:
        calls = counting(patch)
        prepare.run("nyuv2", entry(**GIVEN), path, whole)
    order = np.random.Generator(np.random.PCG64(0)).permutation(8)
    assert numbers(calls) == np.sort(order[:6])[4:].tolist()
    assert len(calls) == 2 * len(nyuv2.FOLDERS)
    assert not work.exists()
    fresh = {split: raw / "again" / p.name for split, p in whole.items()}
    prepare.run("nyuv2", entry(**GIVEN), path, fresh)
    assert all(whole[s].read_bytes() == fresh[s].read_bytes() for s in whole)


KILLED = """
import sys, time
from pathlib import Path
from rotograd_replication.data.datasets import _scenes, nyuv2
_scenes.BATCH = 1
original = nyuv2.read_array
def slow(*arguments):
    time.sleep(0.05)
    return original(*arguments)
nyuv2.read_array = slow
nyuv2.prepare(Path(sys.argv[1]), Path(sys.argv[2]), **eval(sys.argv[3]))
"""


def test_a_kill_is_gone_on_from(raw, tmp_path, monkeypatch):
    expected = read(raw, **GIVEN)
    work = tmp_path / "killed"
    work.mkdir()
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", KILLED, raw, work, repr(GIVEN)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    part = work / "train.targets"
    while not part.is_file() or part.stat().st_size < 2 * 1920:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert part.stat().st_size < 6 * 1920
    done = part.stat().st_size // 1920
    calls = counting(monkeypatch)
    found = nyuv2.prepare(raw, work, **GIVEN)
    assert len(numbers(calls)) == 8 - done
    for split, arrays_ in expected.items():
        for one, other in zip(arrays_, found[split], strict=True):
            assert isinstance(other, np.memmap) and np.array_equal(one, other)


def test_a_full_disk_is_one_message_and_a_rerun_goes_on(raw):
    """The limit on the size of a file stands for the end of the disk: the system refuses both."""
    path = recorded(raw)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (13_000, hard))  # targets fit, the split does not
    try:
        with pytest.raises(OSError, match=r"must have room.*the same command again"):
            prepare.run("nyuv2", entry(**GIVEN), path, files(raw))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [p.name for p in (raw / "prepared").iterdir()] == [".work"]
    prepare.run("nyuv2", entry(**GIVEN), path, files(raw))
    assert all(p.exists() for p in files(raw).values())


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
    settings = run_settings(study, "nyuv2", method)
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
    settings = run_settings(study, "nyuv2", "vanilla")
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
