"""An archive that could do harm is refused; one that is only unusual is read."""

import gzip
import io
import stat
import tarfile
import zipfile

import pytest

from rotograd_replication.data.datasets import _archives, cifar10

UNSAFE = r"plain files and folders.*Found `.*fetch it again"
BAD_NAMES = ["/etc/x", "../x", "a/../../x", "..\\x", "C:\\x", "C:x"]


def entry(name, kind=tarfile.REGTYPE):
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = "/etc/passwd"
    return member


def tar(path, *members):
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def read(path):
    return {name: b"".join(chunks) for name, chunks in _archives.files(path)}


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
    path = tar(tmp_path / "cifar-10-binary.tar.gz", entry("readme.html"), member)
    with pytest.raises(ValueError, match=UNSAFE):
        cifar10.read_members(path, ["test_batch.bin"])


def zipped(path, **members):
    """A zip archive with members name -> mode; each holds its own name."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, mode in members.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            archive.writestr(member, b"" if name.endswith("/") else name)
    return path


@pytest.mark.parametrize("name", BAD_NAMES)
def test_unsafe_names_in_a_zip_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=UNSAFE):
        read(zipped(tmp_path / "x.zip", **{"folder/x": 0, name: 0}))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO])
def test_links_and_devices_in_a_zip_are_refused(tmp_path, kind):
    with pytest.raises(ValueError, match=UNSAFE):
        read(zipped(tmp_path / "x.zip", **{"folder/x": kind | 0o644}))


@pytest.mark.parametrize(
    ("flags", "method", "found"),
    [(0, 9, "packed as deflate64. Unpack it"), (1, 8, "packed as deflate with one. Unpack it")],
)
def test_what_python_cannot_unpack_says_what_to_do(tmp_path, flags, method, found):
    path = zipped(tmp_path / "x.zip", x=0)
    raw = bytearray(path.read_bytes())
    entry = raw.index(b"PK\1\2")  # the list of members: flags at 8, method at 10
    raw[entry + 8], raw[entry + 10] = flags, method
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=found):
        read(path)


UNUSUAL = {
    "/": stat.S_IFDIR | 0o755,
    "folder/": stat.S_IFDIR | 0o755,
    "./a..b/c": stat.S_IFREG | 0o600,
    "no mode": 0,
    "an unknown kind": 0o030644,
    "made\\on\\Windows": 0,
}
TRACES = ["__MACOSX/a/._0.npy", "a/.DS_Store", "a/._0.npy", "Thumbs.db", "a/desktop.ini"]


def test_what_is_unusual_is_read_and_traces_are_not(tmp_path):
    path = zipped(tmp_path / "x.zip", **UNUSUAL, **dict.fromkeys(TRACES, 0))
    expected = {name: name for name in UNUSUAL if not name.endswith("/")}
    expected["made/on/Windows"] = expected.pop("made\\on\\Windows")
    assert read(path) == {name: content.encode() for name, content in expected.items()}
    plain = [
        entry("/", tarfile.DIRTYPE),
        entry("./a..b/c"),
        entry("a", tarfile.DIRTYPE),
        entry("b/x.bin"),
        entry("b/._x.bin"),
    ]
    for member in plain:
        member.size = 3 if member.isreg() else 0
    found = read(tar(tmp_path / "x.tar.gz", *plain))
    assert found == {"./a..b/c": b"xxx", "b/x.bin": b"xxx"}


def test_other_files_are_read_as_they_are(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"content"))
    (tmp_path / "a.csv").write_bytes(b"1,2\n")
    assert read(tmp_path / "a.gz") == {"a": b"content"}
    assert read(tmp_path / "a.csv") == {"a.csv": b"1,2\n"}


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.tar", "x.gz"])
@pytest.mark.parametrize("cut", [0, 100, -30])
def test_what_is_no_whole_archive_is_refused(tmp_path, name, cut):
    zipped(tmp_path / "x.zip", **{f"{i}.npy": 0 for i in range(20)})
    member = entry("a")
    member.size = 50_000
    tar(tmp_path / "x.tar.gz", member)
    (tmp_path / "x.tar").write_bytes(gzip.decompress((tmp_path / "x.tar.gz").read_bytes())[:40_000])
    (tmp_path / "x.gz").write_bytes(gzip.compress(bytes(range(256)) * 100))
    path = tmp_path / name
    content = path.read_bytes()
    path.write_bytes(content[:cut] if cut else b"")
    if name == "x.gz" and not cut:
        pytest.skip("an empty file is a gzip file of nothing")
    with pytest.raises(ValueError, match=f"`{name}` must be a whole "):
        read(path)
