"""SVHN's MATLAB files: read as published, refused with one message where damaged; the pairs by hand."""

import numpy as np
import pytest
import scipy.io

from rotograd_replication.data import prepare
from rotograd_replication.data.datasets import _svhn, digits
from rotograd_replication.files import atomic as records
from tests.helpers import entries

SVHN = {
    "validation": 2,
    "canvas": [32, 64],
    "offset": [0, 32],
    "pairing_seed": 0,
    "active_threshold": 127,
    "archives": "svhn",
}


def arrays(labels):
    """`X` whose image n has the value 20 n + channel everywhere but row n, which is 255."""
    images = np.empty((32, 32, 3, len(labels)), np.uint8)
    for n in range(len(labels)):
        images[..., n] = 20 * n + np.arange(3)
        images[n, :, :, n] = 255
    return {"X": images, "y": np.array(labels, np.uint8)[:, None]}


@pytest.fixture
def tiny(tmp_path):
    scipy.io.savemat(tmp_path / "train_32x32.mat", arrays([10, 1, 2, 3, 9, 10, 5, 6]))
    scipy.io.savemat(tmp_path / "test_32x32.mat", arrays([4, 10]), do_compression=True)
    return tmp_path


def test_images_and_classes_by_hand(tiny):
    images, classes = _svhn.read(tiny, "train")
    assert classes.tolist() == [0, 1, 2, 3, 9, 0, 5, 6]
    assert images.dtype == np.uint8 and images.shape == (8, 3, 32, 32)
    for n, image in enumerate(images):
        assert (image[:, n] == 255).all()
        others = np.delete(image, n, axis=1)
        assert (others == (20 * n + np.arange(3))[:, None, None]).all()
    assert _svhn.read(tiny, "test")[1].tolist() == [4, 0]


def test_pairs_lie_side_by_side(tiny):
    splits = digits.prepare(tiny, **SVHN)
    assert [len(splits[s][0]) for s in prepare.SPLITS] == [6, 2, 2]
    single, classes = _svhn.read(tiny, "train")
    generator = np.random.Generator(np.random.PCG64([0, 0]))
    partner = generator.integers(6, size=6)
    images, targets = splits["train"]
    assert np.array_equal(images[..., :16], single[:6, :, :, 1::2])
    assert np.array_equal(images[..., 16:], single[partner][:, :, :, 1::2])
    left, right = classes[:6], classes[partner]
    assert (
        targets[:, :4].tolist()
        == np.stack([left, right, left + right, left * right % 2], 1).tolist()
    )
    # One row of either photo is 255 and the rest at most 102: 16 + 16 active pixels in every pair.
    assert (targets[:, 4] == 0).all()


def test_a_pixel_is_as_bright_as_its_brightest_channel():
    images = np.zeros((1, 3, 2, 2), np.uint8)
    images[0, :, 0, 0] = [0, 128, 0]
    images[0, :, 0, 1] = [127, 127, 127]
    assert digits.targets(images, np.array([0]), np.array([0]), 127)[0, 4] == 1


def damaged(**changes):
    return arrays([1, 2, 3]) | changes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (damaged(X=np.zeros((32, 32, 3, 3))), r"`X` of .* must be bytes.*float64"),
        (damaged(X=np.zeros((3, 32, 32, 3), np.uint8)), r"`X` of .*\[3, 32, 32, 3\]"),
        (damaged(X=np.zeros((32, 32, 3), np.uint8)), r"`X` of .*\[32, 32, 3\]"),
        (damaged(y=np.array([1, 2])), r"`y` of .* each of the 3 images of `X`\. Found 2"),
        (damaged(y=np.array([1, 2, 11])), r"classes 1 to 10.*Found 11"),
        (damaged(y=np.array([0, 1, 2])), r"classes 1 to 10.*Found 0"),
        (damaged(y=np.array([1, 2.5, 3])), r"classes 1 to 10.*Found 2\.5"),
        (damaged(y=np.array([1, np.nan, 3])), r"classes 1 to 10.*Found nan"),
        ({"X": arrays([1])["X"]}, "arrays X and y. Found no y"),
        ({"images": np.zeros(3)}, "arrays X and y. Found no X and no y"),
    ],
)
def test_other_arrays_are_refused(tiny, content, message):
    scipy.io.savemat(tiny / "test_32x32.mat", content)
    with pytest.raises(ValueError, match=message) as error:
        digits.prepare(tiny, **SVHN)
    assert "test_32x32.mat" in str(error.value)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("share", [0, 0.001, 0.005, 0.02, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(tiny, split, share):
    path = tiny / _svhn.FILES[split]
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=rf"`{path.name}` must be a whole MATLAB file.*Fetch"):
        digits.prepare(tiny, **SVHN)


@pytest.mark.parametrize("content", [b"no MATLAB file at all", b"\x89HDF\r\n\x1a\n" + bytes(600)])
def test_another_format_is_refused(tiny, content):
    (tiny / "train_32x32.mat").write_bytes(content)
    with pytest.raises(ValueError, match="must be a whole MATLAB file"):
        digits.prepare(tiny, **SVHN)


def test_prepared_from_the_entry_of_svhn(tiny):
    entry = entries.entry("svhn", (6, 2, 2), validation=2)
    sums = {name: records.sha256(tiny / name) for name in _svhn.FILES.values()}
    record = {"dataset": "svhn", "label": "SVHN", "archives": sums}
    records.write_json(tiny / "archives.json", record)
    outputs = {split: tiny / f"{split}.safetensors" for split in prepare.SPLITS}
    prepare.run("svhn", entry, tiny / "archives.json", outputs)
    assert all(path.is_file() for path in outputs.values())
    assert {archive.name for archive in entry.archives} == set(_svhn.FILES.values())
