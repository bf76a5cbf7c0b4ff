"""Prepared files: targets as computed by hand, all splits or none, only recorded archives."""

import gzip
import io
import json
import math
import os
import re
import subprocess
import sys
import tarfile
from fractions import Fraction

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from rotograd_replication.config import load as config
from rotograd_replication.data import fetch, prepare
from rotograd_replication.data.datasets import _mnist, cifar10, digits, toy
from rotograd_replication.data.standins import cifar10 as cifar10_standin
from rotograd_replication.data.standins import mnist as mnist_standin
from rotograd_replication.files import atomic as records
from rotograd_replication.files import streamed as tensors
from tests.helpers import entries
from tests.helpers.paths import CONFIGS, ROOT

DIGITS = {"validation": 2, "canvas": 36, "offset": 6, "pairing_seed": 0, "active_threshold": 127}


def write_mnist(folder, train, test):
    """Digits of known classes: the image of digit k is a filled block of k + 1 rows of 4 pixels."""
    for prefix, labels in (("train", train), ("t10k", test)):
        images = np.zeros((len(labels), 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[5 : 6 + label, 10:14] = 200
        labels = np.array(labels, np.uint8)
        mnist_standin.write_idx(folder / f"{prefix}-images-idx3-ubyte.gz", images)
        mnist_standin.write_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", labels)


@pytest.fixture
def tiny(tmp_path):
    write_mnist(tmp_path, [3, 1, 4, 1, 5, 9, 2, 6], [5, 3])
    return tmp_path


def outputs(folder):
    return {split: folder / "prepared" / f"{split}.safetensors" for split in prepare.SPLITS}


def mnist(**parameters):
    """The entry of MNIST for the digits of `tiny`."""
    return entries.entry("mnist", (6, 2, 2), **parameters)


def record(folder, name="mnist"):
    """The `archives.json` of whatever archives lie in `folder`."""
    sums = {path.name: records.sha256(path) for path in folder.glob("*.gz")}
    path = folder / "archives.json"
    records.write_json(path, {"dataset": name, "label": "a label", "archives": sums})
    return path


def test_overlay_by_hand():
    left, right = np.zeros((2, 1, 1, 28, 28), np.uint8)
    left[..., :3, :3], left[..., 20:23, 20:23] = 50, 60
    right[..., 25:, 25:], right[..., 14:17, 14:17] = 70, 80  # 14 + 6: on the left digit's 60
    (image,) = digits.overlay(left, right, (36, 36), (6, 6))
    expected = np.zeros((36, 36), np.uint8)
    expected[:3, :3], expected[31:34, 31:34], expected[20:23, 20:23] = 50, 70, 80
    # pixel i of 28 takes the pixel of 36 that holds its centre, (i + 1/2) * 36/28
    chosen = [int((i + 0.5) * 36 / 28) for i in range(28)]
    assert np.array_equal(image[0], expected[np.ix_(chosen, chosen)])
    assert set(np.unique(image)) == {0, 50, 70, 80}


def test_targets_by_hand():
    images = np.zeros((3, 1, 2, 2), np.uint8)
    images[0, 0] = [[127, 128], [255, 0]]
    images[1] = 200
    found = digits.targets(images, np.array([3, 4, 0]), np.array([7, 9, 5]), 127)
    assert found.tolist() == [[3, 7, 10, 1, 2], [4, 9, 13, 0, 4], [0, 5, 5, 0, 0]]
    assert found.dtype == np.float32


def test_digits_splits_and_targets(tiny):
    splits = digits.prepare(tiny, **DIGITS)
    assert {split: len(images) for split, (images, _) in splits.items()} == {
        "train": 6,
        "val": 2,
        "test": 2,
    }
    own = {"train": [3, 1, 4, 1, 5, 9], "val": [2, 6], "test": [5, 3]}
    for split, (images, targets) in splits.items():
        assert images.shape[1:] == (1, 28, 28)
        left, right, total, parity, _ = targets.T
        assert left.tolist() == own[split]
        assert set(right) <= set(own[split])
        assert total.tolist() == (left + right).tolist()
        pairs = zip(left, right, strict=True)
        assert parity.tolist() == [float(a % 2 == 1 and b % 2 == 1) for a, b in pairs]
    raw = {s: (images[:, 0] > 127).sum((1, 2)) for s, (images, _) in splits.items()}
    for split, (_, targets) in splits.items():
        expected = (raw[split] - raw["train"].mean()) / raw["train"].std()
        np.testing.assert_allclose(targets[:, 4], expected, rtol=1e-5)


def test_digits_pairing_is_a_function_of_its_seed(tiny):
    pairs = [
        digits.prepare(tiny, **DIGITS | {"pairing_seed": seed})["train"][1][:, 1].tolist()
        for seed in (0, 0, 1)
    ]
    assert pairs[0] == pairs[1] != pairs[2]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda raw: raw[:-9], "whole gzip"),
        (lambda raw: b"no gzip", "whole gzip"),
        (lambda raw: b"", "IDX"),
        (lambda raw: gzip.compress(gzip.decompress(raw)[:-1]), "must hold 6272 values"),
        (lambda raw: gzip.compress(b"\0\0\x09" + gzip.decompress(raw)[3:]), "IDX"),
    ],
)
def test_damaged_idx_is_refused(tiny, damage, message):
    path = tiny / _mnist.FILES["train"][0]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=message) as error:
        digits.prepare(tiny, **DIGITS)
    assert path.name in str(error.value)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("validation", 8), ("validation", 9), ("canvas", 33), ("offset", [1, 2, 3])],
)
def test_digits_refuse_impossible_sizes(tiny, parameter, value):
    with pytest.raises(ValueError, match=rf"`{parameter}`.*Found {re.escape(str(value))}"):
        digits.prepare(tiny, **DIGITS | {parameter: value})


def test_cifar10_by_hand(tmp_path):
    cifar10_standin.write(tmp_path, seed=0, train=50, test=10)
    splits = cifar10.prepare(tmp_path, validation=20, validation_seed=0)
    members = cifar10.read_members(tmp_path / cifar10.ARCHIVE, [*cifar10.BATCHES, cifar10.TEST])
    rows = np.frombuffer(b"".join(members[b] for b in cifar10.BATCHES), np.uint8).reshape(50, 3073)
    images, targets = (np.concatenate([splits["train"][i], splits["val"][i]]) for i in (0, 1))
    pairs = zip(images, targets.argmax(1), strict=True)
    found = {(image.tobytes(), int(label)) for image, label in pairs}
    assert found == {(row[1:].tobytes(), int(row[0])) for row in rows}
    assert len(splits["train"][0]) == 30
    assert (targets.sum(1) == 1).all()
    again = cifar10.prepare(tmp_path, validation=20, validation_seed=1)
    assert not np.array_equal(again["val"][0], splits["val"][0])


def test_damaged_cifar10_is_refused(tmp_path):
    cifar10_standin.write(tmp_path, seed=0, train=50, test=10)
    path = tmp_path / cifar10.ARCHIVE
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"whole tar\.gz"):
        cifar10.prepare(tmp_path, validation=20, validation_seed=0)
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    with pytest.raises(ValueError, match=r"must hold data_batch_2\.bin"):
        cifar10.prepare(tmp_path, validation=20, validation_seed=0)
    with pytest.raises(ValueError, match="whole records"):
        cifar10.records(b"abc", "data_batch_1.bin")


def test_toy(tmp_path):
    splits = toy.prepare(tmp_path, point=[1.0, -2.0], rows=3)
    for images, targets in splits.values():
        assert images.tolist() == 3 * [[1, -2]]
        assert targets.tolist() == 3 * [[0, 0]]
        assert images.dtype == targets.dtype == np.float32
    with pytest.raises(ValueError, match="2 coordinates"):
        toy.prepare(tmp_path, point=[1.0], rows=1)


def test_files_hold_tensors_and_facts(tiny):
    prepare.run("mnist", mnist(validation=2), record(tiny), outputs(tiny))
    expected = digits.prepare(tiny, **DIGITS)
    for split, path in outputs(tiny).items():
        tensors = load_file(path)
        assert np.array_equal(tensors["images"], expected[split][0])
        assert np.array_equal(tensors["targets"], expected[split][1])
        with safe_open(path, framework="np") as file:
            data = json.loads(file.metadata()["data"])
        assert (data["dataset"], data["label"]) == ("mnist", "a label")
        assert (data["split"], data["samples"]) == (split, len(tensors["images"]))
        scaled = expected["train"][0] / 255
        assert data["mean"] == pytest.approx([scaled.mean()])
        assert data["std"] == pytest.approx([scaled.std()])
        assert set(data["archives"]) == {*_mnist.FILES["train"], *_mnist.FILES["test"]}


def test_the_same_archives_give_the_same_bytes(tiny):
    for _ in range(2):
        prepare.run("mnist", mnist(validation=2), record(tiny), outputs(tiny))
        sums = {split: records.sha256(path) for split, path in outputs(tiny).items()}
    prepare.run("mnist", mnist(validation=2), record(tiny), outputs(tiny))
    assert sums == {split: records.sha256(path) for split, path in outputs(tiny).items()}


def test_changed_or_missing_archives_are_refused(tiny):
    recorded, path = record(tiny), tiny / _mnist.FILES["train"][1]
    whole = path.read_bytes()
    path.write_bytes(whole + b"more")
    with pytest.raises(prepare.PrepareError, match=r"must have sha256.*fetch") as error:
        prepare.run("mnist", mnist(validation=2), recorded, outputs(tiny))
    assert path.name in str(error.value)
    path.unlink()
    with pytest.raises(prepare.PrepareError, match="must exist"):
        prepare.run("mnist", mnist(validation=2), recorded, outputs(tiny))
    assert not (tiny / "prepared").exists()


def test_a_bad_record_is_refused(tiny):
    with pytest.raises(prepare.PrepareError, match="Run `fetch` first"):
        prepare.run("mnist", mnist(), tiny / "absent.json", outputs(tiny))
    with pytest.raises(prepare.PrepareError, match=r"must be of mnist\. Found cifar10"):
        prepare.run("mnist", mnist(), record(tiny, "cifar10"), outputs(tiny))
    records.write_json(tiny / "archives.json", [])
    with pytest.raises(prepare.PrepareError, match="what `fetch` writes"):
        prepare.run("mnist", mnist(), tiny / "archives.json", outputs(tiny))


def test_an_unknown_split_is_refused(tiny):
    with pytest.raises(prepare.PrepareError, match="Did you mean `val`"):
        prepare.run("mnist", mnist(), record(tiny), {"valid": tiny / "valid.safetensors"})


def test_nothing_is_left_when_writing_fails(tiny, monkeypatch):
    calls, save = [], prepare.streamed.save

    def fails_late(tensors, path, metadata):
        calls.append(path)
        if len(calls) == 3:
            path.write_bytes(b"half")
            raise OSError("no space left")
        save(tensors, path, metadata)

    monkeypatch.setattr(prepare.streamed, "save", fails_late)
    with pytest.raises(OSError, match="no space"):
        prepare.run("mnist", mnist(validation=2), record(tiny), outputs(tiny))
    assert list((tiny / "prepared").iterdir()) == []


@pytest.mark.parametrize(
    ("images", "targets", "message"),
    [
        (np.zeros((2, 1, 4, 4), np.int64), np.zeros((2, 5), np.float32), "int64"),
        (np.zeros((2, 1, 4, 4), np.uint8), np.zeros((2, 5)), "float64"),
        (np.zeros((2, 1, 4, 4), np.uint8), np.zeros((2, 4), np.float32), r"be \[2, 5\].*\[2, 4\]"),
        (np.zeros((2, 1, 4, 4), np.uint8), np.zeros((3, 5), np.float32), r"be \[2, 5\].*\[3, 5\]"),
        (np.zeros((0, 1, 4, 4), np.uint8), np.zeros((0, 5), np.float32), "`samples`.*Correct"),
        (np.zeros((2, 3, 4, 4), np.uint8), np.zeros((2, 5), np.float32), r"\[2, 3, 4, 4\]"),
        (np.zeros((2, 1, 4, 4), np.uint8), np.zeros((2, 5, 4, 3), np.float32), r"\[2, 5, 4, 3\]"),
        (np.zeros((2, 4), np.uint8), np.zeros((2, 5), np.float32), "no images .* must be float32"),
    ],
)
def test_a_plug_in_must_keep_its_contract(images, targets, message):
    with pytest.raises(prepare.PrepareError, match=f"a place: .*{message}"):
        prepare.check("a place", (images, targets), 5, 2, [1, 4, 4])


def test_moments_by_hand():
    images = np.zeros((1, 2, 1, 2), np.uint8)
    images[0, 0] = [[0, 255]]
    assert prepare.moments(images) == ([0.5, 0.0], [0.5, 1.0])
    assert prepare.moments(images.astype(np.float32)) == (None, None)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16])
def test_moments_are_exact_to_the_last_bit(dtype):
    """Of MNIST, a processor's own order of additions moved the last bit, and with it the file's sum."""
    numbers = np.random.default_rng(0).integers(0, 256, 1001).astype(np.uint8)
    images = numbers.astype(dtype) if dtype == np.uint8 else (numbers / 255).astype(dtype)
    values = [Fraction(int(x), 255) if dtype == np.uint8 else Fraction(float(x)) for x in images]
    mean = sum(values) / len(values)
    spread = math.sqrt(sum((x - mean) ** 2 for x in values) / len(values))
    for order in (1, -1):
        found = prepare.moments(images[::order].reshape(7, 1, 11, 13))
        assert found == ([float(mean)], [spread])


@pytest.mark.parametrize("block", [1, 1000, tensors.BLOCK])
def test_blocks_of_any_size_give_the_librarys_bytes(tmp_path, monkeypatch, block):
    monkeypatch.setattr(tensors, "BLOCK", block)
    generator = np.random.default_rng(0)
    arrays = {
        "images": generator.integers(256, size=(7, 3, 5, 5)).astype(np.uint8),
        "targets": generator.random((7, 2)).astype(np.float32),
        "depth": generator.random((7, 9)).astype(np.float16),
        "turned": generator.random((4, 7)).astype(np.float32).T,
        "a": np.zeros((1, 1), np.uint8),
    }
    mapped = np.memmap(tmp_path / "map", np.uint8, "w+", shape=(7, 3, 5, 5))
    mapped[:] = arrays["images"]
    mapped.flush()
    given = arrays | {"images": np.memmap(tmp_path / "map", np.uint8, "r", shape=(7, 3, 5, 5))}
    metadata = {"data": json.dumps({"label": "a — b", "samples": 7})}
    tensors.save(given, tmp_path / "ours", metadata)
    theirs = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(theirs, tmp_path / "theirs", metadata)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert prepare.moments(given["images"]) == prepare.moments(arrays["images"])


def test_another_type_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`images` must be of type uint8.*Found int64"):
        tensors.save({"images": np.zeros(3, np.int64)}, tmp_path / "file", {})


MEMORY = """
import resource, sys
from pathlib import Path
import numpy as np
from rotograd_replication.data import prepare
from rotograd_replication.files import streamed as tensors
shape = (20000, 3, 64, 64)
images = np.memmap(sys.argv[1], np.uint8, "r", shape=shape)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
prepare.moments(images)
tensors.save({"images": images}, Path("/dev/null"), {})
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_memory_does_not_grow_with_a_memory_map(tmp_path):
    """245 MB of images (no byte of which is on the disk) need less than half of that."""
    with open(tmp_path / "map", "wb") as file:
        file.truncate(20000 * 3 * 64 * 64)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", MEMORY, tmp_path / "map"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 120


def test_real_mnist(mirror, tmp_path):
    entry = config.load_datasets(CONFIGS)["mnist"]
    fetch.run("mnist", entry, mirror, tmp_path / "archives.json")
    prepare.run("mnist", entry, tmp_path / "archives.json", outputs(tmp_path))
    sizes = {s: len(load_file(path)["targets"]) for s, path in outputs(tmp_path).items()}
    assert sizes == {"train": 50000, "val": 10000, "test": 10000} == dict(entry.samples)
    assert records.read_json(tmp_path / "archives.json")["label"] == "MNIST"


def test_real_cifar10_is_called_a_copy(mirror, tmp_path):
    entry = config.load_datasets(CONFIGS)["cifar10"]
    fetch.run("cifar10", entry, mirror, tmp_path / "archives.json")
    assert records.read_json(tmp_path / "archives.json")["label"] == "CIFAR-10, JPEG copy"
    prepare.run("cifar10", entry, tmp_path / "archives.json", outputs(tmp_path))
    targets = load_file(outputs(tmp_path)["test"])["targets"]
    assert targets.sum(0).tolist() == [1000] * 10
