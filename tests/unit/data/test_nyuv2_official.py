"""The official file of NYUv2 from its stand-in: split, classes, maps, normals, memory, damage."""

import csv
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file

from rotograd_replication.config import load as config
from rotograd_replication.config.settings import run_settings, values
from rotograd_replication.data import prepare
from rotograd_replication.data.datasets import _normals, nyuv2, nyuv2_official
from rotograd_replication.data.standins import _rays
from rotograd_replication.data.standins import nyuv2 as rooms
from rotograd_replication.data.standins import nyuv2_official as standin
from rotograd_replication.files import atomic
from tests.helpers import entries
from tests.helpers.paths import CONFIGS, ROOT

DATASETS = config.load_datasets(CONFIGS)
SIZE = {"height": 24, "width": 32}
GIVEN = values(DATASETS["nyuv2_official_standin"].parameters)
GIVEN |= {"train": 8, "test": 3, "validation": 2, **SIZE, "tolerance": 0.2}  # small pictures: steep
TABLES = ROOT / "src/rotograd_replication/data/datasets"


@pytest.fixture
def raw(tmp_path):
    standin.write(tmp_path, seed=0, train=8, test=3, height=48, width=64)
    return tmp_path


def read(folder, **given):
    return nyuv2_official.prepare(folder, Path(tempfile.mkdtemp(dir=folder)), **GIVEN | given)


def test_splits_and_maps(raw):
    splits = read(raw)
    assert {k: len(v[0]) for k, v in splits.items()} == {"train": 6, "val": 2, "test": 3}
    images, targets = splits["test"]
    assert images.shape == (3, 3, 24, 32) and images.dtype == np.uint8
    assert targets.shape == (3, 5, 24, 32) and targets.dtype == np.float16
    generator = np.random.Generator(np.random.PCG64(0))
    drawn = []
    for _ in range(11):
        room = rooms.draw(generator, 48, 64)
        standin.measure(room["depth"][..., 0], generator)  # draws its noise
        drawn.append(room)
    with h5py.File(raw / nyuv2_official.ARCHIVE) as file:
        depths = file["rawDepths"][8:]
    for i, room in enumerate(drawn[8:]):
        # Every second pixel of the original, from its second on.
        assert np.array_equal(targets[i, 0], room["label"][1::2, 1::2])
        np.testing.assert_allclose(targets[i, 1], depths[i].T[1::2, 1::2], rtol=2**-11)
        blocks = room["image"].reshape(24, 2, 32, 2, 3).mean((1, 3)).transpose(2, 0, 1)
        assert np.abs(images[i] / 255 - blocks).mean() < 0.05
        seen, has_normal = targets[i, 1] > 0, np.any(targets[i, 2:] != 0, 0)
        assert not (has_normal & ~seen).any() and has_normal[seen].mean() > 0.7


def test_far_depths_are_not_measured(raw):
    with h5py.File(raw / nyuv2_official.ARCHIVE, "r+") as file:
        file["rawDepths"][10, :32] = 10
        file["rawDepths"][10, 32:48] = np.nan
    depth = read(raw)["test"][1][2, 1]
    assert (depth[:, :24] == 0).all() and (depth[:, 24:] > 0).mean() > 0.8


def test_the_official_split_and_classes():
    trained, tested = nyuv2_official.read_split("official", 795, 654)
    assert sorted([*trained, *tested]) == list(range(1449))
    # The first of MATLAB's `trainNdxs` and `testNdxs`, which count from 1.
    assert (trained[:6] + 1).tolist() == [3, 4, 5, 6, 7, 8]
    assert (tested[:6] + 1).tolist() == [1, 2, 9, 14, 15, 16]
    with pytest.raises(ValueError, match=r"must be 795 and 654.*Found 8 and 3"):
        nyuv2_official.read_split("official", 8, 3)
    classes = nyuv2_official.read_classes()
    assert classes.shape == (895,) and classes[0] == -1
    assert set(classes[1:]) == set(range(nyuv2.CLASSES))
    names = [n.replace("picture", "painting") for n in nyuv2_official.NAMES]
    assert names == rooms.CLASSES
    with open(TABLES / "_nyuv2_classes.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["id"]) for row in rows] == list(range(1, 895))
    own = {row["name"]: row["of_13"] for row in rows}
    for name, expected in {
        "bed": "bed", "ceiling": "ceiling", "chair": "chair", "floor": "floor", "sofa": "sofa",
        "table": "table", "desk": "table", "television": "tv", "wall": "wall", "window": "window",
        "picture": "picture", "cabinet": "furniture", "pillow": "objects", "blinds": "window",
    }.items():  # fmt: skip
        assert own[name] == expected
    groups = {(row["of_40"], row["of_13"]) for row in rows}
    assert len(groups) == len({of_40 for of_40, _ in groups}) == 40


@pytest.mark.parametrize("noise", [False, True])
def test_normals_are_those_of_the_rooms(noise):
    """At the resolution and with the window of the real data."""
    height, width = 480, 640
    focal = width / 2 / np.tan(np.radians(_rays.FIELD_OF_VIEW / 2))
    camera = [focal, focal, width / 2 + 0.5, height / 2 + 0.5]
    given = values(DATASETS["nyuv2_official"].parameters)
    generator = np.random.Generator(np.random.PCG64(1))
    room = rooms.draw(generator, height, width)
    depth = room["depth"][..., 0]
    depth = standin.measure(depth, generator) if noise else depth
    rows, columns = np.arange(1, height, 4), np.arange(2, width, 4)
    normal = _normals.estimate(depth, rows, columns, camera, given["radius"], given["tolerance"])
    valid = depth[np.ix_(rows, columns)] > 0
    length = np.linalg.norm(normal, axis=2)
    assert (length[~valid] == 0).all()
    assert (length[valid] > 0).mean() > 0.99
    np.testing.assert_allclose(length[length > 0], 1, atol=1e-9)
    true = room["normal"][np.ix_(rows, columns)]
    both = (length > 0) & (np.abs(true).sum(2) > 0)
    angle = np.degrees(np.arccos(np.clip((normal * true).sum(2)[both], -1, 1)))
    assert np.median(angle) < (8 if noise else 0.05)
    assert (angle < 30).mean() > 0.9


def test_a_plane_has_its_normal_everywhere_and_a_line_has_none():
    expected = np.array([0.2, -0.5, -0.8]) / np.linalg.norm([0.2, -0.5, -0.8])
    camera = [60.0, 62.0, 20.5, 15.5]
    y, x = np.mgrid[1:31, 1:41]
    rays = np.stack([(x - 20.5) / 60, (y - 15.5) / 62, np.ones(x.shape)], 2)
    depth = -1.5 / (rays @ expected)
    normal = _normals.estimate(depth, np.arange(30), np.arange(40), camera, 4, 0.5)
    np.testing.assert_allclose(normal, np.broadcast_to(expected, normal.shape), atol=1e-6)
    line = np.where(y == 15, depth, 0)
    normal = _normals.estimate(line, np.arange(30), np.arange(40), camera, 4, 0.5)
    assert (normal == 0).all()


def entry(**parameters):
    return entries.entry("nyuv2_official_standin", (6, 2, 3), [3, *SIZE.values()], **parameters)


def recorded(raw):
    sums = {nyuv2_official.ARCHIVE: atomic.sha256(raw / nyuv2_official.ARCHIVE)}
    path = raw / "archives.json"
    atomic.write_json(path, {"dataset": "mine", "label": "a label", "archives": sums})
    return path


def outputs(raw):
    return {split: raw / "prepared" / f"{split}.safetensors" for split in prepare.SPLITS}


def test_prepared_files_hold_what_the_tasks_take(raw):
    prepare.run("mine", entry(**GIVEN), recorded(raw), outputs(raw))
    tensors = load_file(outputs(raw)["val"])
    assert tensors["images"].shape == (2, 3, 24, 32) and tensors["targets"].shape == (2, 5, 24, 32)


def lose(file):
    del file["labels"]


def reshape(file):
    del file["rawDepths"]
    file["rawDepths"] = np.zeros((11, 48, 64), np.float32)


def retype(file):
    images = file["images"][:].astype(np.float32)
    del file["images"]
    file["images"] = images


def group(file):
    del file["images"]
    file.create_group("images")


def relabel(file):
    file["labels"][9, 0, 0] = 895


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lose, r"must hold an array `labels`\. Found none"),
        (group, r"must hold an array `images`\. Found none"),
        (reshape, r"rawDepths` must be floating-point .* \[11, 64, 48\].*\[11, 48, 64\]"),
        (retype, r"images` must be unsigned whole numbers.*Found float32"),
        (relabel, r"labels` must be from 0 to 894\. Found 895 in scene 10"),
    ],
)
def test_damage_is_one_message(raw, change, message):
    with h5py.File(raw / nyuv2_official.ARCHIVE, "r+") as file:
        change(file)
    with pytest.raises(ValueError, match=message) as error:
        prepare.run("mine", entry(**GIVEN), recorded(raw), outputs(raw))
    assert "Fetch it again" in str(error.value) and "\n" not in str(error.value)
    assert not [path for path in outputs(raw).values() if path.exists()]


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_refused(raw, keep):
    path = raw / nyuv2_official.ARCHIVE
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(ValueError, match="must be a whole HDF5 file"):
        read(raw)


def test_scenes_that_are_missing_or_too_many_are_refused(raw):
    for train in (7, 9):
        with pytest.raises(ValueError, match=rf"shape \[{train + 3}, 3, 64, 48\].*\[11, 3"):
            read(raw, train=train)
    with pytest.raises(ValueError, match="`camera` must have 4 numbers. Found 1"):
        read(raw, camera=[1.0])


MEMORY = """
import resource, sys
from pathlib import Path
import h5py
from rotograd_replication.data.datasets import nyuv2_official
given = eval(sys.argv[2]) | {"train": 110, "test": 10, "validation": 10}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
nyuv2_official.prepare(Path(sys.argv[1]), Path(sys.argv[1]), **given)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_memory_does_not_grow_with_the_file(tmp_path):
    """330 MB of arrays are read within a third of that, most of it HDF5's own cache."""
    with h5py.File(tmp_path / nyuv2_official.ARCHIVE, "w") as file:
        for name, shape, kind in (
            ("images", (3, 640, 480), np.uint8),
            ("labels", (640, 480), np.uint16),
            ("rawDepths", (640, 480), np.float32),
        ):
            file.create_dataset(name, (120, *shape), kind, chunks=(1, *shape), compression="gzip")
            for i in range(120):
                file[name][i] = 1
    command = [sys.executable, "-c", MEMORY, tmp_path, repr(GIVEN)]
    grown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(grown.stdout) < 110


def test_the_documented_study_runs_the_experiment_on_it(tmp_path):
    text = (ROOT / "docs/replicate.md").read_text()
    snippet = text.split("`configs/studies/nyuv2_official.yaml`:\n\n```yaml\n")[1].split("```")[0]
    configs = tmp_path / "configs"
    shutil.copytree(CONFIGS, configs)
    (configs / "studies/nyuv2_official.yaml").write_text(snippet)
    study = config.load_study(configs, "nyuv2_official")
    paper = config.load_study(CONFIGS, "paper")
    assert study.experiments["nyuv2"].dataset == "nyuv2_official"
    own, original = (run_settings(s, "nyuv2", "rotograd_subspace") for s in (study, paper))
    differing = {key for key in original if own[key] != original[key]}
    assert differing == {"dataset", "data"}
    assert "our own preparation" in study.datasets["nyuv2_official"].label
    assert own["data"]["tasks"] == original["data"]["tasks"]
