"""A flipped byte is found before it is used; an archive that could do harm is refused."""

import io
import random
import stat
import tarfile
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from rotograd_replication.data.datasets import _members, celeba, cifar10, nyuv2
from rotograd_replication.data.loader import Loader
from rotograd_replication.files import sealed as seals
from tests.helpers import prepared_noise

REMEDY = "Make it again."


@pytest.fixture
def sealed(tmp_path):
    path = tmp_path / "x.safetensors"
    tensors = {"a": np.arange(1000, dtype=np.float32), "b": np.zeros((3, 4), np.uint8)}
    save_file(tensors, path, seals.blank({"data": '{"sha256":"no"}'}))
    return path, seals.seal(path)


def test_a_sealed_file_is_known_by_its_sum_and_still_read(sealed):
    path, found = sealed
    assert seals.check(path, REMEDY) == found != seals.BLANK
    assert load_file(path)["a"][999] == 999


def test_every_flipped_byte_is_found(sealed):
    path, _ = sealed
    content = path.read_bytes()
    chance = random.Random(0)
    header = 8 + int.from_bytes(content[:8], "little")
    for place in [*range(header), *chance.sample(range(header, len(content)), 100)]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(seals.SealError, match=REMEDY):
            seals.check(path, REMEDY)


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"\xff" * 100, b"{}", "half", "more"])
def test_other_files_are_no_sealed_ones(sealed, content):
    path, _ = sealed
    whole = path.read_bytes()
    path.write_bytes({"half": whole[:2000], "more": whole + b"x"}.get(content, content))
    with pytest.raises(seals.SealError, match=REMEDY):
        seals.check(path, REMEDY)


def test_damaged_tensors_are_not_trained_on(tmp_path):
    path = prepared_noise.write(tmp_path) / "train.safetensors"
    Loader(path, "cpu", 4)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="Delete it and prepare the dataset again"):
        Loader(path, "cpu", 4)


def entry(name, kind=tarfile.REGTYPE):
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = "/etc/passwd"
    return member


BAD_NAMES = ["/etc/x", "../x", "a/../../x", "..\\x", "C:\\x", "C:x"]


@pytest.mark.parametrize(
    "member",
    [
        *map(entry, BAD_NAMES),
        entry("a", tarfile.SYMTYPE),
        entry("a", tarfile.LNKTYPE),
        entry("a", tarfile.CHRTYPE),
        entry("a", tarfile.BLKTYPE),
        entry("a", tarfile.FIFOTYPE),
    ],
    ids=lambda member: f"{member.name} {member.type.decode()}",
)
def test_unsafe_members_of_a_tar_are_refused(tmp_path, member):
    path = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(entry("cifar-10-batches-bin/readme.html"), io.BytesIO(b""))
        archive.addfile(member)
    with pytest.raises(ValueError, match=r"plain files and folders.*Found `.*fetch it again"):
        cifar10.read_members(path, ["test_batch.bin"])


def test_plain_members_are_accepted():
    for member in (entry("a/b.bin"), entry("a", tarfile.DIRTYPE), entry("./a..b/c")):
        _members.check_tar(member, "x.tar.gz")


@pytest.mark.parametrize("kind", [None, stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
@pytest.mark.parametrize("dataset", [celeba, nyuv2])
def test_unsafe_members_of_a_zip_are_refused(tmp_path, monkeypatch, kind, dataset):
    name = {celeba: "IMAGES", nyuv2: "ARCHIVE"}[dataset]
    path = tmp_path / getattr(dataset, name)
    with zipfile.ZipFile(path, "w") as archive:
        member = zipfile.ZipInfo("folder/x" if kind else "../x")
        member.external_attr = ((kind or stat.S_IFREG) | 0o644) << 16
        archive.writestr(member, "/etc/passwd")
    with zipfile.ZipFile(path) as archive, pytest.raises(ValueError, match="Found `"):
        _members.check_zip(archive, path.name)
    if dataset is nyuv2:
        arguments = dict(height=4, width=4, train=2, test=1, validation=1, validation_seed=0)
        with pytest.raises(ValueError, match="plain files and folders"):
            nyuv2.prepare(
                tmp_path, work=tmp_path, images="uint8", targets="float16",
                standardised=True, **arguments,
            )  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_unsafe_names_in_a_zip_are_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), "")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive, pytest.raises(ValueError, match="Found `"):
        _members.check_zip(archive, "x.zip")
