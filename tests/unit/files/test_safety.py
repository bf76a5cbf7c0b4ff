"""What makes writing safer is not what writing depends on; what is broken is still an error."""

import errno
import os
import stat
from multiprocessing import synchronize

import numpy as np
import pytest
from safetensors.numpy import save_file
from scipy import io

from rotograd_replication.data.datasets import _growing, _pictures, _svhn
from rotograd_replication.files import atomic, safety


@pytest.fixture(autouse=True)
def first_warning(monkeypatch):
    monkeypatch.setattr(safety, "_warned", set())


def fail(number):
    def call(*_, **__):
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize("umask", [0o002, 0o022, 0o077])
def test_the_umask_says_who_may_write(tmp_path, umask):
    before = os.umask(umask)
    try:
        atomic.write_json(tmp_path / "new" / "x.json", 1)
    finally:
        os.umask(before)
    mode = stat.S_IMODE((tmp_path / "new" / "x.json").stat().st_mode)
    assert mode == 0o666 & ~umask


@pytest.mark.parametrize("umask", [0o002, 0o022, 0o077])
def test_also_where_the_writer_puts_a_private_file_in_its_place(tmp_path, umask):
    """As the safetensors library does: a second user of the folder could not replace a model."""
    before = os.umask(umask)
    try:
        with atomic.atomic(tmp_path / "model.safetensors") as temporary:
            save_file({"x": np.zeros(1)}, temporary)
    finally:
        os.umask(before)
    mode = stat.S_IMODE((tmp_path / "model.safetensors").stat().st_mode)
    assert mode == 0o666 & ~umask


def test_a_mode_that_cannot_be_set_is_warned_of(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(os, "chmod", fail(errno.EPERM))
    with atomic.atomic(tmp_path / "x") as temporary:
        temporary.unlink()
        os.close(os.open(temporary, os.O_CREAT, 0o600))
    assert (tmp_path / "x").exists() and "has no chmod" in caplog.text


def test_an_array_is_read_where_it_cannot_be_mapped(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(np, "memmap", fail(errno.ENODEV))
    column = {tmp_path / "x": (np.dtype(np.uint8), (2,))}
    rows = np.arange(6, dtype=np.uint8).reshape(3, 2)
    (found,) = _growing.grow(column, 3, 2, lambda part: [rows[part]], "x")
    assert found.tolist() == rows.tolist() and "has no memory map" in caplog.text


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM])
def test_a_call_that_is_not_there_is_done_without(tmp_path, monkeypatch, caplog, call, number):
    monkeypatch.setattr(os, call, fail(number))
    for value in (1, 2):
        atomic.write_json(tmp_path / "x.json", value)
    assert atomic.read_json(tmp_path / "x.json") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
    said = [record.message for record in caplog.records]
    assert len(said) == len(set(said)) <= 2 and f"`{tmp_path}` has no " in said[0]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.ENOSPC, errno.EDQUOT])
def test_a_broken_or_full_disk_is_an_error(tmp_path, monkeypatch, call, number):
    (tmp_path / "x.json").write_text("0\n")
    monkeypatch.setattr(os, call, fail(number))
    with pytest.raises(OSError, match="x.json" if number in atomic.FULL else os.strerror(number)):
        atomic.write_json(tmp_path / "x.json", 1)
    assert (tmp_path / "x.json").read_text() == "0\n"
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_a_folder_that_may_not_be_opened(tmp_path, monkeypatch):
    opened = os.open

    def refuse(path, *rest, **named):
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "no")
        return opened(path, *rest, **named)

    monkeypatch.setattr(os, "open", refuse)
    atomic.write_json(tmp_path / "x.json", 1)
    assert atomic.read_json(tmp_path / "x.json") == 1


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOENT, errno.EACCES, errno.ENOSYS])
def test_pictures_and_matlab_files_are_read_without_shared_memory(
    tmp_path, monkeypatch, caplog, number
):
    """Every lock of processes is a semaphore in `/dev/shm`."""
    monkeypatch.setattr(synchronize._multiprocessing, "SemLock", fail(number))
    pictures = _pictures.decode_all(
        tmp_path / "pictures",
        ["1", "2"],
        lambda name: name.encode(),
        lambda file: np.full((2, 2), int(file[1]), np.uint8),
        (2, 2),
    )
    assert pictures[:, 0, 0].tolist() == [1, 2]
    assert "Decoding `pictures` uses threads" in caplog.text

    io.savemat(tmp_path / "x.mat", {"X": np.ones((2, 3)), "y": np.ones((3, 1))})
    images, labels = _svhn.read_arrays(tmp_path / "x.mat")
    assert images.shape == (2, 3) and labels.shape == (3, 1)
    assert "Reading `x.mat` uses threads" in caplog.text
