"""A flipped byte is found before it is used."""

import random

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

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
