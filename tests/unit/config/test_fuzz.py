"""Whatever a configuration or an archive holds, it is read, or refused with one message."""

import copy
import datetime
import gzip
import io
import os
import shutil
import signal
import tarfile
import zipfile

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from rotograd_replication.config.load import load_study
from rotograd_replication.config.yaml_files import ConfigurationError, read_yaml
from rotograd_replication.data.datasets import _mnist, _pictures, _svhn, celeba, cifar10, nyuv2
from rotograd_replication.files import atomic
from rotograd_replication.results import aggregate, tidy
from tests.helpers.paths import CONFIGS

FILES = ["studies/quick.yaml", "methods.yaml", "datasets.yaml", "experiments/digits.yaml"]
FILES += ["experiments/cifar10.yaml", "experiments/nyuv2.yaml", "experiments/stability.yaml"]
CONTENT = {file: yaml.safe_load((CONFIGS / file).read_text()) for file in FILES}
ODD = [None, True, -1, 0, 10**30, 0.5, float("nan"), float("inf"), "", "vanilla", "a" * 500, "é\0"]
ODD += [[], [[]], {}, {1: 2}, {"like": "vanilla"}, {"value": 1, "source": "choice: x"}]
ODD += [datetime.date(2020, 1, 1), b"bytes", ["vanilla", "vanilla"], {"value": [], "source": 3}]


# Of the profile that is loaded, a third: an example of these takes long.
FEWER = settings(max_examples=settings.default.max_examples // 3)


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "configs"
    shutil.copytree(CONFIGS, folder)
    return folder


def places(content, path=()):
    """Every place inside a YAML document."""
    inside = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in inside:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


PLACES = [(file, place) for file in FILES for place in places(CONTENT[file])]


def changed(file, place, action, value):
    """A document with one entry replaced, deleted, renamed or doubled."""
    content = copy.deepcopy(CONTENT[file])
    parent = content
    for key in place[:-1]:
        parent = parent[key]
    last = place[-1]
    if action == "replace":
        parent[last] = value
    elif action == "delete":
        del parent[last]
    elif isinstance(parent, dict):
        kept = parent.pop(last) if action == "rename" else parent[last]
        key = value if isinstance(value, str | int | float | None) else "other"
        parent[key] = kept
    else:
        parent.insert(0, parent[last])
    return content


@FEWER
@given(
    st.sampled_from(PLACES),
    st.sampled_from(["replace", "replace", "delete", "rename", "double"]),
    st.sampled_from(ODD),
)
def test_a_mutated_configuration_is_read_or_refused(configs, place, action, value):
    file, where = place
    (configs / file).write_text(yaml.safe_dump(changed(file, where, action, value)))
    try:
        refused_or(lambda: load_study(configs, "quick"), ConfigurationError)
    finally:
        shutil.copy(CONFIGS / file, configs / file)


@FEWER
@given(st.sampled_from(FILES), st.data())
def test_mutated_text_is_read_or_refused(configs, file, data):
    raw = bytearray((CONFIGS / file).read_bytes())
    damage(raw, data)
    (configs / file).write_bytes(raw)
    try:
        refused_or(lambda: load_study(configs, "quick"), ConfigurationError)
    finally:
        shutil.copy(CONFIGS / file, configs / file)


def refused_or(read, kinds=(ValueError, OSError)):
    """Read; another exception than these, or one without a message, fails the test."""
    try:
        read()
    except kinds as error:
        assert len(str(error)) > 20, repr(error)


def damage(raw, data):
    """Flip, cut, insert or repeat bytes in place, up to three times."""
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(len(raw) - 1, 0)))
        kind = data.draw(st.sampled_from(["flip", "cut", "insert", "swap"]))
        if kind == "flip" and raw:
            raw[at] ^= data.draw(st.integers(1, 255))
        elif kind == "cut":
            del raw[at : at + data.draw(st.integers(1, 200))]
        elif kind == "insert":
            raw[at:at] = data.draw(st.binary(min_size=1, max_size=20))
        else:
            raw[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4))


def idx(dimensions):
    sizes = b"".join((3).to_bytes(4, "big") for _ in range(dimensions))
    return bytes([0, 0, 8, dimensions]) + sizes + bytes(range(3**dimensions))


def tar_gz():
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for name in [*cifar10.BATCHES, cifar10.TEST]:
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = 2 * 3073
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return whole.getvalue()


def mat(compress):
    whole = io.BytesIO()
    images = np.arange(32 * 32 * 3 * 2, dtype=np.uint8).reshape(32, 32, 3, 2)
    arrays = {"X": images, "y": np.array([[1], [10]], np.uint8)}
    savemat(whole, arrays, do_compression=compress)
    return whole.getvalue()


def celeba_zip():
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(f"{celeba.FOLDER}/000001.jpg", b"no picture" * 20)
    return whole.getvalue()


def nyuv2_zip(compression):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", compression) as archive:
        for folder in ("train", "val"):
            for i in range(2):
                for kind, channels in nyuv2.FOLDERS.items():
                    array = np.zeros((4, 6, channels) if channels else (4, 6), np.float32)
                    file = io.BytesIO()
                    np.save(file, array)
                    archive.writestr(f"{folder}/{kind}/{i}.npy", file.getvalue())
    return whole.getvalue()


def read_celeba(path):
    with zipfile.ZipFile(path) as archive:
        celeba.read_picture(archive, celeba.pictures(archive), "000001.jpg")


def read_nyuv2(path):
    sizes = {"train": 2, "test": 2, "height": 4, "width": 6, "validation": 1}
    types = {"images": "uint8", "targets": "float16", "standardised": True}
    nyuv2.prepare(path.parent, path.parent, **sizes, **types, validation_seed=0)


ROWS = "2\n" + " ".join(celeba.NAMES) + "\n" + "".join(f"{i}.jpg{' -1' * 40}\n" for i in (1, 2))
# What is read -> the name of the file, a whole one, and its reader.
ARCHIVES = {
    "mnist": ("x.gz", gzip.compress(idx(3)), lambda path: _mnist.read_idx(path, 3)),
    "cifar10": (cifar10.ARCHIVE, tar_gz(), lambda path: read_cifar10(path)),
    "cifar10 inside": (cifar10.ARCHIVE, gzip.decompress(tar_gz()), lambda path: read_inside(path)),
    "mnist inside": ("x.gz", idx(3), lambda path: read_idx_inside(path)),
    "svhn": ("train_32x32.mat", mat(True), lambda path: _svhn.read(path.parent, "train")),
    "svhn plain": ("train_32x32.mat", mat(False), lambda path: _svhn.read(path.parent, "train")),
    "nyuv2": ("nyuv2.zip", nyuv2_zip(zipfile.ZIP_DEFLATED), read_nyuv2),
    "nyuv2 stored": ("nyuv2.zip", nyuv2_zip(zipfile.ZIP_STORED), read_nyuv2),
    "attributes": (celeba.ATTRIBUTES, ROWS.encode(), celeba.read_attributes),
    "partition": (
        celeba.PARTITION,
        b"1.jpg 0\n2.jpg 1\n",
        lambda path: celeba.read_partition(path, ["1.jpg", "2.jpg"]),
    ),
}


def read_cifar10(path):
    cifar10.prepare(path.parent, validation=1, validation_seed=0)


def read_inside(path):
    path.write_bytes(gzip.compress(path.read_bytes(), 1))
    read_cifar10(path)


def read_idx_inside(path):
    path.write_bytes(gzip.compress(path.read_bytes(), 1))
    _mnist.read_idx(path, 3)


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_whole_archive_is_read(tmp_path, name):
    file, content, read = ARCHIVES[name]
    (tmp_path / file).write_bytes(content)
    read(tmp_path / file)


SVHN = ["svhn", "svhn plain"]


@pytest.mark.parametrize("name", [n for n in ARCHIVES if n not in SVHN])
@given(st.data())
def test_a_damaged_archive_is_read_or_refused(tmp_path_factory, name, data):
    read_damaged(tmp_path_factory, name, data)


@pytest.mark.parametrize("name", SVHN)
@FEWER
@given(st.data())
def test_a_damaged_archive_of_svhn_is_read_or_refused(tmp_path_factory, name, data):
    """SciPy reads it in a process of its own."""
    read_damaged(tmp_path_factory, name, data)


def read_damaged(tmp_path_factory, name, data):
    file, content, read = ARCHIVES[name]
    raw = bytearray(content)
    damage(raw, data)
    path = tmp_path_factory.mktemp("damaged", numbered=True) / file
    path.write_bytes(raw)
    refused_or(lambda: read(path))


def read_jpeg(path):
    _pictures.decode_jpeg((path.name, path.read_bytes()), size=(4, 4), crop=(4, 4), side=4)


READ_ARCHIVE = {name: read for name, (_, _, read) in ARCHIVES.items()}
# The function of a foreign reader, what calls it, and on which file.
READERS = [
    ("gzip.decompress", "mnist", READ_ARCHIVE["mnist"]),
    ("tarfile.open", "cifar10", READ_ARCHIVE["cifar10"]),
    ("tarfile.TarFile.extractfile", "cifar10", READ_ARCHIVE["cifar10"]),
    ("scipy.io.loadmat", "svhn", READ_ARCHIVE["svhn"]),
    ("zipfile.ZipFile", "nyuv2", READ_ARCHIVE["nyuv2"]),
    ("zipfile.ZipFile.open", "nyuv2", READ_ARCHIVE["nyuv2"]),
    ("numpy.lib.format.read_array", "nyuv2", READ_ARCHIVE["nyuv2"]),
    ("zipfile.ZipFile.read", "celeba", read_celeba),
    ("PIL.Image.open", "jpeg", read_jpeg),
    ("yaml.load", "yaml", read_yaml),
    ("json.loads", "json", atomic.read_json),
    ("pandas.read_csv", "csv", lambda path: tidy.read_csv(path, {"a"}, tidy.REMEDY)),
    ("csv.reader", "csv", lambda path: aggregate._read_history(path, tidy.REMEDY)),
]
CONTENTS = {name: (file, content) for name, (file, content, _) in ARCHIVES.items()}
CONTENTS |= {"celeba": (celeba.IMAGES, celeba_zip()), "jpeg": ("a.jpg", b""), "json": ("a", b"{}")}
CONTENTS |= {"yaml": ("a.yaml", b"a: 1"), "csv": ("a.csv", b"a\n1\n")}


# Functions of a module, which a reader's own process finds by name.
def silent(*_, **__):
    raise UnboundLocalError


def unbound(*_, **__):
    raise UnboundLocalError("cannot access local variable")


def interrupt(*_, **__):
    raise KeyboardInterrupt


def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


FAULTS = {"cannot access local variable": unbound, "": silent}


@pytest.mark.parametrize(("function", "name", "read"), READERS, ids=[one[0] for one in READERS])
@pytest.mark.parametrize("text", FAULTS)
def test_whatever_a_reader_raises_is_one_message(tmp_path, monkeypatch, function, name, read, text):
    """One that no list of exceptions would have: SciPy raises it on some damaged files."""
    file, content = CONTENTS[name]
    (tmp_path / file).write_bytes(content)

    monkeypatch.setattr(function, FAULTS[text])
    found = text or "UnboundLocalError"
    with pytest.raises(ValueError, match=rf"{file}.*` must be .*\. Found: {found}\. \w.*\.$"):
        read(tmp_path / file)


def test_a_reader_that_ends_its_process_is_one_message(tmp_path, monkeypatch):
    """SciPy does, by a segmentation fault, on some damaged files."""
    monkeypatch.setattr("scipy.io.loadmat", kill)
    (tmp_path / "train_32x32.mat").write_bytes(mat(True))
    with pytest.raises(
        ValueError, match=r"`train_32x32\.mat` must be .*\. Found: A process .*Fetch"
    ):
        _svhn.read(tmp_path, "train")


def test_the_user_can_interrupt_a_reader(tmp_path, monkeypatch):
    monkeypatch.setattr("scipy.io.loadmat", interrupt)
    (tmp_path / "train_32x32.mat").write_bytes(mat(True))
    with pytest.raises(KeyboardInterrupt):
        _svhn.read(tmp_path, "train")


def test_json_nested_too_deep_is_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"a\.json` must be JSON\. Found: maximum recursion"):
        atomic.read_json(path)


def test_a_file_that_is_not_there_is_not_called_damaged(tmp_path):
    for name in ("mnist", "cifar10", "svhn", "nyuv2"):
        with pytest.raises(FileNotFoundError):
            READ_ARCHIVE[name](tmp_path / CONTENTS[name][0])
