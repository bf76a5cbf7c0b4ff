"""Stand-ins: the original formats, the same bytes for the same arguments, recognisable classes."""

import numpy as np
import pytest
import scipy.io

from rotograd_replication import plugins
from rotograd_replication.config import load as config
from rotograd_replication.data import fetch
from rotograd_replication.data.datasets import _mnist, _svhn, celeba, cifar10
from rotograd_replication.data.standins import _face, _traits
from rotograd_replication.data.standins import celeba as celeba_standin
from rotograd_replication.data.standins import cifar10 as cifar10_standin
from rotograd_replication.data.standins import mnist as mnist_standin
from rotograd_replication.data.standins import svhn as svhn_standin
from rotograd_replication.files import atomic as records
from tests.helpers.paths import CONFIGS

SMALL = {"train": 60, "test": 20}


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("name", plugins.names("standins"))
def test_bytes_are_a_function_of_the_arguments(name, tmp_path):
    write = plugins.load("standins", name).write
    written = []
    for place, seed in (("a", 0), ("b", 0), ("c", 1)):
        (tmp_path / place).mkdir()
        write(tmp_path / place, seed=seed, **SMALL)
        written.append(files(tmp_path / place))
    assert written[0] == written[1]
    assert written[0] != written[2]


@pytest.mark.parametrize("name", plugins.names("standins"))
def test_archives_have_the_official_names(name, tmp_path):
    plugins.load("standins", name).write(tmp_path, seed=0, **SMALL)
    official = config.load_datasets(CONFIGS)[name].archives
    assert list(files(tmp_path)) == sorted(archive.name for archive in official)


def test_mnist_standin_reads_as_mnist(tmp_path):
    mnist_standin.write(tmp_path, seed=0, **SMALL)
    images, labels = _mnist.read(tmp_path, "train")
    assert images.shape == (60, 1, 28, 28)
    assert _mnist.read(tmp_path, "test")[0].shape == (20, 1, 28, 28)
    assert set(labels) <= set(range(10))
    assert images.max() > 180
    assert np.median(images) == 0


def test_svhn_standin_reads_as_svhn(tmp_path):
    svhn_standin.write(tmp_path, seed=0, **SMALL)
    images, labels = _svhn.read(tmp_path, "train")
    assert images.shape == (60, 3, 32, 32)
    assert _svhn.read(tmp_path, "test")[0].shape == (20, 3, 32, 32)
    assert set(labels) == set(range(10))
    written = scipy.io.loadmat(tmp_path / "train_32x32.mat")
    assert set(written["y"].ravel()) == set(range(1, 11)), "10 stands for the digit 0"
    assert written["X"].shape == (32, 32, 3, 60)


def test_no_time_is_in_a_mat_file(tmp_path):
    svhn_standin.write(tmp_path, seed=0, **SMALL)
    head = (tmp_path / "train_32x32.mat").read_bytes()[:116]
    assert head.decode("ascii").rstrip() == "MATLAB 5.0 MAT-file, generated stand-in for SVHN"


def test_cifar10_standin_reads_as_cifar10(tmp_path):
    cifar10_standin.write(tmp_path, seed=0, train=62, test=20)
    splits = cifar10.prepare(tmp_path, validation=12, validation_seed=0)
    assert [len(splits[s][0]) for s in ("train", "val", "test")] == [50, 12, 20]
    assert splits["train"][0].shape[1:] == (3, 32, 32)


def test_cifar10_standin_needs_an_image_a_batch(tmp_path):
    with pytest.raises(ValueError, match="at least 5"):
        cifar10_standin.write(tmp_path, seed=0, train=4, test=1)


def paint(digit, generator):
    """How far each pixel of a house number is from its wall: the median colour."""
    image = svhn_standin.draw(digit, generator).astype(float)
    return abs(image - np.median(image, axis=(1, 2), keepdims=True)).max(0)


@pytest.mark.parametrize(
    ("draw", "size"), [(mnist_standin.draw, 784), (cifar10_standin.draw, 3072), (paint, 1024)]
)
def test_classes_are_recognisable(draw, size):
    """The class of the nearest mean image is right far more often than one time in ten."""
    generator = np.random.Generator(np.random.PCG64(0))
    images = np.stack([[draw(k, generator) for _ in range(40)] for k in range(10)])
    images = images.reshape(10, 40, size).astype(float)
    means, unseen = images[:, :30].mean(1), images[:, 30:]
    distance = ((unseen[:, :, None] - means) ** 2).sum(-1)
    assert (distance.argmin(-1) == np.arange(10)[:, None]).mean() > 0.35


@pytest.mark.parametrize(
    "name", ["mnist_standin", "cifar10_standin", "svhn_standin", "celeba_standin"]
)
def test_fetch_generates_and_records(name, tmp_path):
    entry = config.load_datasets(CONFIGS)[name]
    small = {key: {"value": v, "source": "choice: a test"} for key, v in SMALL.items()}
    parameters = {k: v.model_dump() for k, v in entry.standin.parameters.items()} | small
    standin = type(entry.standin).model_validate(
        {"module": entry.standin.module, "parameters": parameters}
    )
    out = tmp_path / "archives.json"
    fetch.run(name, entry.model_copy(update={"standin": standin}), None, out)
    record = records.read_json(out)
    assert record["label"] == entry.label
    assert record["label"].startswith("generated stand-in")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"archives.json", *record["archives"]}
    for file, expected in record["archives"].items():
        assert records.sha256(tmp_path / file) == expected


def test_celeba_standin_reads_as_celeba(tmp_path):
    celeba_standin.write(tmp_path, seed=0, **SMALL)
    names, values = celeba.read_attributes(tmp_path / celeba.ATTRIBUTES)
    parts = celeba.read_partition(tmp_path / celeba.PARTITION, names)
    assert np.bincount(parts).tolist() == [60, 20, 20]
    assert names[0] == "000001.jpg"
    assert values.shape == (100, 40)


def faces(count):
    generator = np.random.Generator(np.random.PCG64(0))
    return [_traits.sample(generator) for _ in range(count)]


def test_attributes_vary_and_belong_together():
    found = faces(600)
    beards = ("5_o_Clock_Shadow", "Goatee", "Mustache", "Sideburns")
    for face in found:
        assert list(face) == celeba.NAMES
        assert face["No_Beard"] != any(face[beard] for beard in beards)
        assert sum(face[colour] for colour in _traits.COLOURS) == (not face["Bald"])
        assert not (face["Straight_Hair"] and face["Wavy_Hair"])
        assert face["Male"] or face["No_Beard"]
    values = np.array([[face[name] for name in celeba.NAMES] for face in found])
    shares = dict(zip(celeba.NAMES, values.mean(0), strict=True))
    assert all(0.01 < share < 0.9 for share in shares.values()), shares
    correlation = np.corrcoef(values.T)
    lipstick, male = (celeba.NAMES.index(name) for name in ("Wearing_Lipstick", "Male"))
    assert correlation[lipstick, male] < -0.4


@pytest.mark.parametrize("name", [n for n in celeba.NAMES if n not in ("Attractive", "No_Beard")])
def test_every_attribute_of_a_face_can_be_seen(name):
    """The same face with and without it; a clean chin is no more than the absence of beards."""
    plain = dict.fromkeys(celeba.NAMES, False) | {"Young": True}
    pictures = [
        np.asarray(_face.draw(plain | {name: value}, np.random.Generator(np.random.PCG64(0))))
        for value in (False, True)
    ]
    assert pictures[0].shape == (218, 178, 3)
    changed = np.abs(pictures[0].astype(int) - pictures[1]).max(-1) > 30
    assert changed.sum() > 30, f"{name} changes {changed.sum()} pixels"
