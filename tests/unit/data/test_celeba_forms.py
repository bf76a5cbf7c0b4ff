"""CelebA as a data site packs it, from a mirror: official lists to the byte, pictures as they are."""

import hashlib
import json
import os
import zipfile

import pytest

from rotograd_replication.config import load as config
from rotograd_replication.data import fetch, prepare
from rotograd_replication.data.datasets import _celeba_forms, _pictures, celeba
from rotograd_replication.data.standins import celeba as standin
from tests.helpers import entries
from tests.helpers.paths import CONFIGS

ENTRY = config.load_datasets(CONFIGS)["celeba"]
REPACKAGED = "CelebA (pictures from a repackaged archive, lists official)"
# As the official list has them: the first value is not padded; lines end as on Windows.
OFFICIAL = (
    "2\r\n" + " ".join(celeba.NAMES) + " \r\n"
    "000001.jpg -1" + "  1 -1" * 19 + "  1\r\n"
    "000002.jpg 1" + " -1  1" * 19 + " -1\r\n"
)  # fmt: skip


def site_list(rows, header, end):
    return "".join(",".join(row) + end for row in [header, *rows]).encode()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The official files of six faces, and the site's lists of them."""
    folder = tmp_path_factory.mktemp("celeba")
    standin.write(folder, seed=0, train=4, test=1)
    rows = [line.split() for line in (folder / celeba.ATTRIBUTES).read_text().splitlines()[2:]]
    parts = [line.split() for line in (folder / celeba.PARTITION).read_text().splitlines()]
    lists = {
        "list_attr_celeba.csv": site_list(rows, ["image_id", *celeba.NAMES], "\n"),
        "list_eval_partition.csv": site_list(parts, ["image_id", "partition"], "\r\n"),
    }
    with zipfile.ZipFile(folder / celeba.IMAGES) as archive:
        pictures = {f"{row[0]}": archive.read(f"img_align_celeba/{row[0]}") for row in rows}
    return lists, pictures


def official(lists, tmp_path):
    """The md5 that the lists must have once they are in the official form."""
    sums = {}
    for name, content in lists.items():
        target = tmp_path / "list"
        _celeba_forms._write_list(name, lambda content=content: content, target)
        sums[_celeba_forms.LISTS[name]] = hashlib.md5(target.read_bytes()).hexdigest()
    return sums


@pytest.fixture
def entry(written, tmp_path):
    """CelebA of six faces: their counts and the md5 of their lists in place of the official ones."""
    sums = official(written[0], tmp_path)
    archives = [
        a.model_copy(update={"md5": sums.get(a.name, a.md5), "bytes": None}) for a in ENTRY.archives
    ]
    six = entries.entry("celeba", (4, 1, 1), counts=[4, 1, 1])
    return six.model_copy(update={"archives": archives})


def nested(pictures):
    return {f"img_align_celeba/img_align_celeba/{name}": c for name, c in pictures.items()}


def pack(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def packed(mirror, lists, pictures):
    extra = {"list_bbox_celeba.csv": b"image_id,x_1\n"}
    pack(mirror / "archive.zip", lists | extra | nested(pictures))


def unpacked(mirror, lists, pictures):
    """As a container may date files, which a zip archive cannot."""
    for name, content in (lists | nested(pictures)).items():
        (mirror / name).parent.mkdir(parents=True, exist_ok=True)
        (mirror / name).write_bytes(content)
        os.utime(mirror / name, (0, 0))


def beside_a_broken_archive(mirror, lists, pictures):
    """Of another dataset."""
    (mirror / "another.zip").write_bytes(b"PK, and no more")
    packed(mirror, lists, pictures)


def from_mac(mirror, lists, pictures):
    traces = {f"__MACOSX/{name.replace('0000', '._0000')}": b"x" for name in nested(pictures)}
    pack(mirror / "celeba.zip", traces | lists | nested(pictures))


@pytest.fixture
def mirror(tmp_path):
    (tmp_path / "mirror").mkdir()
    return tmp_path / "mirror"


def run(entry, mirror, place="raw"):
    out = mirror.parent / place / "archives.json"
    fetch.run("celeba", entry, mirror, out, mirror.parent / "hashes.json")
    return out


@pytest.mark.parametrize("form", [packed, unpacked, from_mac, beside_a_broken_archive])
def test_every_form_is_read_as_the_official_files(form, written, entry, mirror, monkeypatch):
    monkeypatch.setattr(_pictures, "PROCESSES", 1)
    lists, pictures = written
    form(mirror, lists, pictures)
    out = run(entry, mirror)
    record = json.loads(out.read_text())
    assert record["label"] == REPACKAGED
    assert set(record["contents"]) == {celeba.IMAGES}
    held = json.loads((mirror.parent / "hashes.json").read_text())[celeba.IMAGES]
    assert held["img_align_celeba"]["files"] == 6
    assert held["img_align_celeba"]["bytes"] == sum(map(len, pictures.values()))
    outputs = {s: mirror.parent / f"{s}.safetensors" for s in prepare.SPLITS}
    prepare.run("celeba", entry, out, outputs)
    assert all(path.is_file() for path in outputs.values())


def test_every_form_holds_the_same_and_is_kept(written, entry, mirror):
    lists, pictures = written
    packed(mirror, lists, pictures)
    first = run(entry, mirror)
    (mirror / "archive.zip").unlink()
    before = (first.parent / celeba.IMAGES).stat().st_ino
    run(entry, mirror)  # what is held is accepted, and needs no mirror
    assert (first.parent / celeba.IMAGES).stat().st_ino == before
    unpacked(mirror, lists, pictures)
    other = run(entry, mirror, "other")
    assert prepare.verify("celeba", first) == prepare.verify("celeba", other)


def test_lists_are_written_in_the_official_form(tmp_path):
    values = [["-1", "1"] * 20, ["1", "-1"] * 20]
    rows = [[f"00000{i + 1}.jpg", *row] for i, row in enumerate(values)]
    content = site_list(rows, ["image_id", *celeba.NAMES], "\n")
    _celeba_forms._write_list("list_attr_celeba.csv", lambda: content, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == OFFICIAL.encode()
    content = b"image_id,partition\n000001.jpg,0\n000002.jpg,2"
    _celeba_forms._write_list("list_eval_partition.csv", lambda: content, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"000001.jpg 0\r\n000002.jpg 2\r\n"


def changed(lists, _):
    name = "list_attr_celeba.csv"
    return lists | {name: lists[name].replace(b"-1", b"1", 1)}, None


def one_less(_, pictures):
    return None, dict(list(pictures.items())[1:])


def no_list(lists, _):
    return lists | {"list_eval_partition.csv": b"\xff\xfe\xff"}, None


def a_row_too_long(lists, _):
    return lists | {"list_eval_partition.csv": b"image_id,partition\na,0,0\n"}, None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed, r"`list_attr_celeba\.txt` must have md5 .* Found sha256 .* and md5"),
        (one_less, r"`img_align_celeba\.zip` must hold 6 pictures\. Found 5"),
        (no_list, r"`list_eval_partition\.csv` must be a list with commas"),
        (a_row_too_long, r"`list_eval_partition\.csv` must be a list with commas"),
    ],
)
@pytest.mark.parametrize("form", [packed, unpacked])
def test_other_lists_or_counts_are_refused(form, change, message, written, entry, mirror):
    lists, pictures = (new or old for new, old in zip(change(*written), written, strict=True))
    form(mirror, lists, pictures)
    with pytest.raises(fetch.FetchError, match=message) as error:
        run(entry, mirror)
    assert str(mirror) in str(error.value) and "mirror=FOLDER" in str(error.value)
    assert not (mirror.parent / "hashes.json").exists()


def test_a_mirror_without_any_form_names_the_official_files(written, entry, mirror):
    pack(mirror / "other.zip", {"a": b"b"})
    with pytest.raises(fetch.FetchError, match="must hold img_align_celeba.zip, list_attr"):
        run(entry, mirror)
