"""CelebA: official files read as they are, decoded once, and every damage is one message."""

import errno
import functools
import io
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from rotograd_replication.config import load as config
from rotograd_replication.data import fetch, prepare
from rotograd_replication.data.datasets import _pictures, celeba
from rotograd_replication.data.standins import celeba as standin
from rotograd_replication.files import atomic as records
from tests.helpers import entries
from tests.helpers.paths import CONFIGS, ROOT

SETTINGS = {"side": 16, "crop": [178, 218], "counts": [20, 5, 5]}
OFFICIAL = [162770, 19867, 19962]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("celeba")
    standin.write(folder, seed=0, train=20, test=5)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def raw(written, tmp_path):
    (tmp_path / "raw").mkdir()
    for name, content in written.items():
        (tmp_path / "raw" / name).write_bytes(content)
    return tmp_path / "raw"


@pytest.fixture
def work(tmp_path):
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture(autouse=True)
def one_process_is_enough(monkeypatch):
    monkeypatch.setattr(_pictures, "PROCESSES", 1)


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def entry(**parameters):
    return entries.entry("celeba", (20, 5, 5), [3, 16, 16], **parameters)


def recorded(raw):
    sums = {path.name: records.sha256(path) for path in raw.iterdir()}
    path = raw / "archives.json"
    records.write_json(path, {"dataset": "celeba", "label": "a label", "archives": sums})
    return path


def outputs(raw):
    return {s: raw.parent / "prepared" / f"{s}.safetensors" for s in prepare.SPLITS}


def test_splits_are_the_files(raw, work):
    splits = celeba.prepare(raw, work, **SETTINGS)
    rows = [line.split() for line in (raw / celeba.ATTRIBUTES).read_text().splitlines()[2:]]
    parts = [line.split()[1] for line in (raw / celeba.PARTITION).read_text().splitlines()]
    with zipfile.ZipFile(raw / celeba.IMAGES) as archive:
        pictures = [archive.read(f"img_align_celeba/{row[0]}") for row in rows]
    for part, split in enumerate(("train", "val", "test")):
        chosen = [i for i, p in enumerate(parts) if p == str(part)]
        images, targets = splits[split]
        assert images.shape == (len(chosen), 3, 16, 16) and images.dtype == np.uint8
        assert isinstance(images, np.memmap)
        assert targets.tolist() == [[float(v == "1") for v in rows[i][1:]] for i in chosen]
        for image, i in zip(images, chosen, strict=True):
            whole = Image.open(io.BytesIO(pictures[i])).convert("RGB")
            expected = np.asarray(whole.resize((16, 16), Image.Resampling.BILINEAR))
            assert np.array_equal(image, expected.transpose(2, 0, 1))


def test_a_crop_is_around_the_centre(raw, work):
    picture = Image.new("RGB", (178, 218), (0, 0, 0))
    picture.paste((255, 255, 255), (0, 20, 178, 198))  # 178 rows around the middle
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=95)
    image = _pictures.decode_jpeg(("white", buffer.getvalue()), (178, 218), (178, 160), 8)
    assert image.shape == (3, 8, 8) and image.min() > 250
    whole = _pictures.decode_jpeg(("white", buffer.getvalue()), (178, 218), (178, 218), 8)
    assert whole[:, 0].max() < 100
    with pytest.raises(ValueError, match=r"`crop` must be at most \[178, 218\]"):
        celeba.prepare(raw, work, **SETTINGS | {"crop": [178, 300]})


def attributes(raw, old, new):
    change(raw / celeba.ATTRIBUTES, old, new)


def partition(raw, old, new):
    change(raw / celeba.PARTITION, old, new)


def without_row(raw):
    lines = (raw / celeba.ATTRIBUTES).read_text().splitlines()
    (raw / celeba.ATTRIBUTES).write_text("\n".join(lines[:9] + lines[10:]) + "\n")


def short_row(raw):
    lines = (raw / celeba.ATTRIBUTES).read_text().splitlines()
    lines[9] = lines[9][:-3]
    (raw / celeba.ATTRIBUTES).write_text("\n".join(lines) + "\n")


def replace(raw, name, content):
    """Write the archive again with one picture replaced, or left out."""
    path = raw / celeba.IMAGES
    with zipfile.ZipFile(path) as archive:
        files = {n: archive.read(n) for n in archive.namelist()}
    files[f"img_align_celeba/{name}"] = content
    with zipfile.ZipFile(path, "w") as archive:
        for n, c in files.items():
            if c is not None:
                archive.writestr(n, c)


def picture(raw, name):
    with zipfile.ZipFile(raw / celeba.IMAGES) as archive:
        return archive.read(f"img_align_celeba/{name}")


def other_size():
    buffer = io.BytesIO()
    Image.new("RGB", (178, 200)).save(buffer, "JPEG")
    return buffer.getvalue()


DAMAGES = {
    "no jpeg": (lambda r: replace(r, "000003.jpg", b"no picture"), r"`000003\.jpg` must be a whole JPEG"),
    "cut jpeg": (lambda r: replace(r, "000003.jpg", picture(r, "000003.jpg")[:2000]), r"`000003\.jpg` must be a whole JPEG"),
    "other size": (lambda r: replace(r, "000003.jpg", other_size()), r"178 x 218 pixels\. Found 178 x 200"),
    "missing picture": (lambda r: replace(r, "000003.jpg", None), r"must hold `000003\.jpg`"),
    "cut zip": (lambda r: (r / celeba.IMAGES).write_bytes((r / celeba.IMAGES).read_bytes()[:9000]), "whole zip"),
    "missing row": (without_row, "must have as many rows as its first line says, '30'. Found 29"),
    "short row": (short_row, "line 10: a row must be a name and 40 values"),
    "another value": (lambda r: attributes(r, " -1", "  0"), "line 3: a row must be a name and 40 values, -1 or 1"),
    "other attributes": (lambda r: attributes(r, "Bald ", ""), "40 attributes in its second line. Found 39"),
    "empty attributes": (lambda r: (r / celeba.ATTRIBUTES).write_text(""), "second line. Found 0"),
    "shorter partition": (lambda r: partition(r, "000030.jpg 2\n", ""), "each of the 30 .* Found 29"),
    "another name": (lambda r: partition(r, "000004.jpg", "000400.jpg"), "line 4: must be `000004.jpg`"),
    "unknown part": (lambda r: partition(r, "000021.jpg 1", "000021.jpg 3"), "its part, 0, 1 or 2. Found '000021.jpg 3'"),
    "other counts": (lambda r: partition(r, "000021.jpg 1", "000021.jpg 0"), r"must give \[20, 5, 5\].*Found \[21, 4, 5\]"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGES)
def test_damage_is_one_message_and_leaves_no_split(raw, case):
    damage, message = DAMAGES[case]
    damage(raw)
    with pytest.raises(ValueError, match=message) as error:
        prepare.run("celeba", entry(**SETTINGS), recorded(raw), outputs(raw))
    assert "Fetch" in str(error.value) and "\n" not in str(error.value)
    assert not [path for path in outputs(raw).values() if path.exists()]


def test_a_part_without_pictures_is_refused(raw, work):
    text = (raw / celeba.PARTITION).read_text()
    (raw / celeba.PARTITION).write_text(text.replace(" 2\n", " 1\n"))
    with pytest.raises(ValueError, match=r"must give some images.*Found \[20, 10, 0\]"):
        celeba.prepare(raw, work, **SETTINGS | {"counts": None})


def test_prepared_files_hold_all_and_nothing_else_is_left(raw):
    prepare.run("celeba", entry(**SETTINGS), recorded(raw), outputs(raw))
    assert sorted(p.name for p in (raw.parent / "prepared").iterdir()) == [
        "test.safetensors",
        "train.safetensors",
        "val.safetensors",
    ]
    tensors = load_file(outputs(raw)["val"])
    assert tensors["images"].shape == (5, 3, 16, 16) and tensors["targets"].shape == (5, 40)


def counting(monkeypatch):
    calls, original = [], celeba.read_picture
    note = lambda a, m, n: calls.append(n) or original(a, m, n)  # noqa: E731
    monkeypatch.setattr(celeba, "read_picture", note)
    return calls


def test_what_is_decoded_is_not_decoded_again(raw, monkeypatch):
    monkeypatch.setattr(_pictures, "BATCH", 4)
    calls = counting(monkeypatch)
    path, whole = recorded(raw), outputs(raw)
    monkeypatch.setattr(prepare.streamed, "save", functools.partial(fails, "the power went"))
    with pytest.raises(OSError, match="the power went"):
        prepare.run("celeba", entry(**SETTINGS), path, whole)
    monkeypatch.undo()
    monkeypatch.setattr(_pictures, "PROCESSES", 1)
    assert len(calls) == 30
    part = raw.parent / "prepared" / ".work" / "train.uint8"
    part.write_bytes(part.read_bytes()[: 7 * 768 + 100])  # seven pictures and a piece of one
    calls = counting(monkeypatch)
    prepare.run("celeba", entry(**SETTINGS), path, whole)
    assert calls == [f"{i:06d}.jpg" for i in range(8, 21)]
    again = raw.parent / "again"
    fresh = {split: again / p.name for split, p in whole.items()}
    prepare.run("celeba", entry(**SETTINGS), path, fresh)
    assert all(whole[s].read_bytes() == fresh[s].read_bytes() for s in whole)


def test_mapped_files_that_cannot_be_removed_yet_are_no_failure(raw, monkeypatch):
    """Over NFS a folder is not empty as long as one of its files is mapped."""
    path, remove = recorded(raw), os.rmdir

    def busy(folder, *rest, **named):
        if os.path.basename(folder) == ".work":
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
        remove(folder, *rest, **named)

    monkeypatch.setattr(os, "rmdir", busy)
    prepare.run("celeba", entry(**SETTINGS), path, outputs(raw))
    assert all(p.exists() for p in outputs(raw).values())
    assert (raw.parent / "prepared" / ".work").is_dir()
    monkeypatch.undo()
    prepare.run("celeba", entry(**SETTINGS), path, outputs(raw))
    assert not (raw.parent / "prepared" / ".work").exists()


def fails(message, *_):
    raise OSError(message)


def test_leftovers_of_other_settings_are_not_used(raw, monkeypatch):
    path = recorded(raw)
    monkeypatch.setattr(prepare.streamed, "save", functools.partial(fails, "stopped"))
    with pytest.raises(OSError, match="stopped"):
        prepare.run("celeba", entry(**SETTINGS), path, outputs(raw))
    monkeypatch.undo()
    monkeypatch.setattr(_pictures, "PROCESSES", 1)
    other = entry(**SETTINGS | {"crop": [178, 178]})
    calls = counting(monkeypatch)
    prepare.run("celeba", other, path, outputs(raw))
    assert len(calls) == 30


def test_a_full_disk_is_one_message_and_a_rerun_goes_on(raw):
    """The limit on the size of a file stands for the end of the disk: the system refuses both."""
    path = recorded(raw)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (17_000, hard)
    )  # the decoded file fits, the split not
    try:
        with pytest.raises(OSError, match=r"must have room.*the same command again"):
            prepare.run("celeba", entry(**SETTINGS), path, outputs(raw))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    left = [p.name for p in (raw.parent / "prepared").iterdir()]
    assert left == [".work"]
    prepare.run("celeba", entry(**SETTINGS), path, outputs(raw))
    assert all(p.exists() for p in outputs(raw).values())


KILLED = """
import sys, time
from pathlib import Path
import numpy as np
from rotograd_replication.data.datasets import _pictures
_pictures.BATCH = 2
def read(name):
    time.sleep(0.02)
    return b""
def decode(file):
    return np.full((1, 2, 2), int(file[0]), np.uint8)
names = [str(i) for i in range(100)]
if __name__ == "__main__":
    _pictures.decode_all(Path(sys.argv[1]), names, read, decode, (1, 2, 2))
"""


def test_a_kill_leaves_whole_pictures_and_no_process(tmp_path):
    path = tmp_path / "killed.uint8"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", KILLED, path]
    process = subprocess.Popen(
        command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL
    )
    while not path.is_file() or path.stat().st_size < 40:
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)  # the process alone, not its workers
    process.wait()
    done = path.stat().st_size
    assert 40 <= done < 400
    expected = np.repeat(np.arange(100, dtype=np.uint8), 4)
    assert np.array_equal(np.fromfile(path, np.uint8), expected[:done])
    for _ in range(1000):  # the workers see that nobody is left to work for
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("workers outlive the process that started them")


def test_the_tasks_are_the_attributes_in_order():
    for name in ("celeba", "celeba_standin"):
        names = [task.name for task in config.load_datasets(CONFIGS)[name].tasks]
        expected = [n.lower().replace("5_o", "five_o") for n in celeba.NAMES]
        assert names == expected


def test_the_official_counts_are_configured():
    found = config.load_datasets(CONFIGS)["celeba"].parameters["counts"].value
    assert found == OFFICIAL and sum(found) == 202599


def test_the_official_counts_are_the_files():
    folder = ROOT / "data" / "raw" / "celeba"
    if not (folder / celeba.PARTITION).is_file():
        pytest.skip("the real CelebA is not at hand: no data/raw/celeba")
    entry = config.load_datasets(CONFIGS)["celeba"]
    fetch.run("celeba", entry, None, folder / "archives.json")  # checks what is held
    names, values = celeba.read_attributes(folder / celeba.ATTRIBUTES)
    parts = celeba.read_partition(folder / celeba.PARTITION, names)
    assert np.bincount(parts).tolist() == OFFICIAL
    assert set(np.unique(values)) == {-1, 1}
