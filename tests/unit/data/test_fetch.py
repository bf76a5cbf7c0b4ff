"""Archives: copied, downloaded and resumed; never half-written, never of unknown content."""

import errno
import gzip
import hashlib
import http.server
import json
import os
import socket
import threading

import pydantic
import pytest

from rotograd_replication.config import load as config
from rotograd_replication.config import schema
from rotograd_replication.config.settings import values
from rotograd_replication.data import download, fetch, prepare
from rotograd_replication.files import atomic, safety
from tests.helpers.paths import CONFIGS


def packed(content, mtime=0):
    """A gzip file of bytes that no compression makes small."""
    noise = b"".join(hashlib.sha256(content + bytes([i])).digest() for i in range(250))
    return gzip.compress(content + noise, 1, mtime=mtime)


CONTENT = {name: packed(name.encode()) for name in ("first.gz", "second.gz")}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def sums(name):
    return {"bytes": len(CONTENT[name]), "sha256": sha256(CONTENT[name])}


def md5(name):
    return {"bytes": len(CONTENT[name]), "md5": hashlib.md5(CONTENT[name]).hexdigest()}


def unpublished(_):
    return {}


def recorded(*contents):
    """What the record says of gzip files without a folder, by name."""
    entries = {}
    for name, content in contents:
        plain = gzip.decompress(content)
        line = f"{sha256(plain)}  {name.removesuffix('.gz')}\n"
        entry = {"files": 1, "bytes": len(plain), "sha256": sha256(line.encode())}
        entries[name] = {".": entry}
    return entries


def dataset(urls=(), copies=None, known=sums):
    archives = [
        {
            "name": name,
            "urls": [f"{url}/{name}" for url in urls],
            "copies": copies or {},
            **known(name),
        }
        for name in CONTENT
    ]
    entry = values(config.load_datasets(CONFIGS)["toy_convex"])
    given = {"point": [1.0, 1.0], "rows": 1}
    sourced = {key: {"value": value, "source": "choice: a test"} for key, value in given.items()}
    entry |= {"label": "official", "archives": archives, "parameters": sourced}
    return schema.Dataset.model_validate(entry)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / "raw" / "archives.json"


@pytest.fixture
def hashes(tmp_path):
    return tmp_path / "hashes" / "mine.json"


@pytest.fixture
def patient(monkeypatch):
    """No waiting between rounds, and no proxy on the way to this machine."""
    monkeypatch.setattr(download, "PAUSE", 0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT with ranges; the server's `faults` cut, forge or refuse an answer."""

    def do_GET(self):
        name, server = self.path[1:], self.server
        wanted = self.headers.get("Range")
        server.requests.append((name, wanted))
        content = server.content.get(name)
        if content is None:
            self.send_error(404)
            return
        version, only = server.versions.get(name, {}), self.headers.get("If-Range")
        if only and only not in version.values():
            wanted = None
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        start = start if server.ranges else 0
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        body = content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        for header in version.items():
            self.send_header(*header)
        self.end_headers()
        if name in server.cuts:  # hang up half-way, once for every entry
            server.cuts.remove(name)
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(patient):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.content, server.cuts, server.requests, server.ranges = dict(CONTENT), [], [], True
        server.versions = {}
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def left(out):
    """What lies in the raw folder."""
    return sorted(path.name for path in out.parent.iterdir())


def complete(out):
    assert left(out) == ["archives.json", *CONTENT]
    for name, content in CONTENT.items():
        assert (out.parent / name).read_bytes() == content
    expected = {name: sha256(content) for name, content in CONTENT.items()}
    assert json.loads(out.read_text())["archives"] == expected


def test_mirror_is_copied_and_recorded(folder, out):
    fetch.run("mine", dataset(), folder, out)
    complete(out)
    assert json.loads(out.read_text())["dataset"] == "mine"
    assert json.loads(out.read_text())["label"] == "official"


def test_held_archives_are_kept_and_need_no_mirror(folder, out, tmp_path):
    fetch.run("mine", dataset(), folder, out)
    before = (out.parent / "first.gz").stat().st_ino
    fetch.run("mine", dataset(), tmp_path / "absent", out)
    assert (out.parent / "first.gz").stat().st_ino == before


def test_a_damaged_held_archive_is_replaced(folder, out):
    out.parent.mkdir()
    (out.parent / "first.gz").write_bytes(b"damaged")
    fetch.run("mine", dataset(), folder, out)
    complete(out)


def test_a_copy_gives_its_label(folder, out):
    (folder / "second.gz").write_bytes(b"a copy")
    entry = dataset(copies={sha256(b"a copy"): "official, another copy"})
    fetch.run("mine", entry, folder, out)
    assert json.loads(out.read_text())["label"] == "official, another copy"


@pytest.mark.parametrize("exists", [True, False])
def test_an_empty_or_absent_mirror_names_every_file(tmp_path, out, exists):
    empty = tmp_path / "empty"
    if exists:
        empty.mkdir()
    with pytest.raises(fetch.FetchError, match=r"first\.gz, second\.gz.*mirror=FOLDER") as error:
        fetch.run("mine", dataset(), empty, out)
    assert str(empty) in str(error.value)
    assert left(out) == []


def test_a_file_missing_from_the_mirror_is_named_alone(folder, out):
    (folder / "second.gz").unlink()
    with pytest.raises(fetch.FetchError, match=r"must hold second\.gz\."):
        fetch.run("mine", dataset(), folder, out)
    assert left(out) == []


@pytest.mark.parametrize(
    ("content", "word"),
    [(CONTENT["first.gz"][:100], "truncated"), (CONTENT["first.gz"][:-1] + b"!", "Found")],
)
def test_a_truncated_or_tampered_mirror_leaves_nothing(folder, out, content, word):
    (folder / "first.gz").write_bytes(content)
    with pytest.raises(fetch.FetchError, match=word) as error:
        fetch.run("mine", dataset(), folder, out)
    for part in ("first.gz", sha256(CONTENT["first.gz"]), sha256(content), "mirror=FOLDER"):
        assert part in str(error.value)
    assert left(out) == []


def test_download(server, out):
    fetch.run("mine", dataset([server.url]), None, out)
    complete(out)
    assert server.requests == [("first.gz", None), ("second.gz", None)]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_resumes(server, out, ranges):
    server.cuts, server.ranges = ["first.gz"], ranges
    fetch.run("mine", dataset([server.url]), None, out)
    complete(out)
    half = len(CONTENT["first.gz"]) // 2
    assert server.requests[1] == ("first.gz", f"bytes={half}-")


def test_a_later_run_resumes_what_an_earlier_one_left(server, out):
    server.cuts = ["first.gz"] * download.ROUNDS
    with pytest.raises(fetch.FetchError, match="stopped after"):
        fetch.run("mine", dataset([server.url]), None, out)
    assert left(out) == ["first.gz.part"]
    have = (out.parent / "first.gz.part").stat().st_size
    fetch.run("mine", dataset([server.url]), None, out)
    complete(out)
    assert ("first.gz", f"bytes={have}-") in server.requests


def test_a_whole_part_is_accepted_and_a_foreign_one_is_replaced(server, out):
    out.parent.mkdir()
    (out.parent / "first.gz.part").write_bytes(CONTENT["first.gz"])
    (out.parent / "second.gz.part").write_bytes(b"of another file")
    fetch.run("mine", dataset([server.url]), None, out)
    complete(out)


def test_the_next_address_is_tried(server, out):
    fetch.run("mine", dataset([f"{server.url}/absent", server.url]), None, out)
    complete(out)
    assert [path for path, _ in server.requests].count("absent/first.gz") == 1


def test_a_wrong_file_is_refused_and_removed(server, out):
    server.content["first.gz"] = b"something else"
    with pytest.raises(fetch.FetchError, match=r"first\.gz.*by hand") as error:
        fetch.run("mine", dataset([server.url]), None, out)
    assert sha256(b"something else") in str(error.value)
    assert sha256(CONTENT["first.gz"]) in str(error.value)
    assert left(out) == []
    assert len(server.requests) == 1


def test_an_http_error_is_named(server, out):
    server.content.clear()
    with pytest.raises(fetch.FetchError, match="HTTP 404"):
        fetch.run("mine", dataset([server.url]), None, out)
    assert left(out) == []


def test_no_network(patient, out):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(fetch.FetchError, match=r"no connection.*mirror=FOLDER"):
            fetch.run("mine", dataset([url]), None, out)
    assert left(out) == []


@pytest.mark.parametrize("known", [md5, unpublished])
@pytest.mark.parametrize("mirrored", [True, False])
def test_what_has_no_published_hash_is_recorded(folder, server, out, hashes, known, mirrored):
    entry = dataset([server.url], known=known)
    for _ in range(2):
        fetch.run("mine", entry, folder if mirrored else None, out, hashes)
        complete(out)
    if known is unpublished:
        assert json.loads(hashes.read_text()) == recorded(*CONTENT.items())
        assert set(json.loads(out.read_text())["contents"]) == set(CONTENT)
    else:
        assert not hashes.exists()


@pytest.mark.parametrize("mirrored", [True, False])
def test_another_md5_is_refused(folder, server, out, mirrored):
    (folder / "first.gz").write_bytes(b"another file")
    server.content["first.gz"] = b"another file"
    entry = dataset([server.url], known=md5)
    with pytest.raises(fetch.FetchError, match=r"`first\.gz`.*must.*mirror=FOLDER") as error:
        fetch.run("mine", entry, folder if mirrored else None, out)
    for known in (md5("first.gz")["md5"], hashlib.md5(b"another file").hexdigest()):
        assert f"md5 {known}" in str(error.value)
    assert left(out) == []


def test_a_copy_may_stand_beside_an_md5(folder, out):
    (folder / "second.gz").write_bytes(b"a copy")
    entry = dataset(copies={sha256(b"a copy"): "official, another copy"}, known=md5)
    fetch.run("mine", entry, folder, out)
    assert json.loads(out.read_text())["label"] == "official, another copy"


@pytest.mark.parametrize("mirrored", [True, False])
def test_what_was_first_fetched_is_enforced(folder, server, out, hashes, tmp_path, mirrored):
    entry = dataset([server.url], known=unpublished)
    fetch.run("mine", entry, folder, out, hashes)
    before = hashes.read_text()
    other = packed(b"another file")
    (folder / "second.gz").write_bytes(other)
    server.content["second.gz"] = other
    elsewhere = tmp_path / "elsewhere" / "archives.json"
    with pytest.raises(fetch.FetchError, match=r"`second\.gz`.*mirror=FOLDER") as error:
        fetch.run("mine", entry, folder if mirrored else None, elsewhere, hashes)
    for part in ("other files in `.`: 1 files of", "delete `second.gz` from that record"):
        assert part in str(error.value)
    assert str(hashes) in str(error.value)
    assert left(elsewhere) == ["first.gz"]
    assert hashes.read_text() == before
    # The remedy works.
    record = json.loads(before)
    del record["second.gz"]
    hashes.write_text(json.dumps(record))
    fetch.run("mine", entry, folder if mirrored else None, elsewhere, hashes)
    assert json.loads(hashes.read_text()) == recorded(
        ("first.gz", CONTENT["first.gz"]), ("second.gz", other)
    )


@pytest.mark.parametrize("mirrored", [True, False])
def test_the_same_files_packed_anew_are_the_same(folder, server, out, hashes, tmp_path, mirrored):
    entry = dataset([server.url], known=unpublished)
    fetch.run("mine", entry, folder, out, hashes)
    before = hashes.read_text()
    anew = packed(b"first.gz", mtime=1_000_000)
    assert anew != CONTENT["first.gz"]
    (folder / "first.gz").write_bytes(anew)
    server.content["first.gz"] = anew
    other = tmp_path / "elsewhere" / "archives.json"
    fetch.run("mine", entry, folder if mirrored else None, other, hashes)
    assert hashes.read_text() == before
    one, two = (json.loads(path.read_text()) for path in (out, other))
    assert one["archives"]["first.gz"] != two["archives"]["first.gz"]
    assert one["contents"] == two["contents"]
    # What results quote does not tell them apart.
    assert prepare.verify("mine", out) == prepare.verify("mine", other)


PAGE = b"\n<!DOCTYPE html><html><head><title>Link expired</title></head><body>Sorry</body></html>"


@pytest.mark.parametrize("mirrored", [True, False])
@pytest.mark.parametrize("known", [sums, md5, unpublished])
@pytest.mark.parametrize(
    ("answer", "message"), [(PAGE, "web page, 'Link expired'"), (b"no gzip", "must (be|have) ")]
)
def test_an_answer_that_is_no_archive_is_never_recorded(
    folder, server, out, hashes, mirrored, known, answer, message
):
    (folder / "second.gz").write_bytes(answer)
    server.content["second.gz"] = answer
    entry = dataset([server.url], known=known)
    with pytest.raises(fetch.FetchError, match=message):
        fetch.run("mine", entry, folder if mirrored else None, out, hashes)
    assert left(out) == ["first.gz"]
    assert not hashes.exists()


def test_a_held_archive_that_differs_from_the_record_is_replaced(folder, out, hashes):
    entry = dataset(known=unpublished)
    fetch.run("mine", entry, folder, out, hashes)
    (out.parent / "first.gz").write_bytes(packed(b"another file"))
    fetch.run("mine", entry, folder, out, hashes)
    complete(out)


def test_a_failed_first_fetch_records_nothing(folder, out, hashes):
    (folder / "second.gz").unlink()
    with pytest.raises(fetch.FetchError, match=r"must hold second\.gz"):
        fetch.run("mine", dataset(known=unpublished), folder, out, hashes)
    assert not hashes.exists()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_record_that_may_not_be_written_is_no_failure(
    folder, out, hashes, monkeypatch, caplog, number
):
    write = atomic.write_json

    def refuse(path, content):
        if path == hashes:
            raise OSError(number, os.strerror(number), str(path))
        write(path, content)

    monkeypatch.setattr(atomic, "write_json", refuse)
    monkeypatch.setattr(safety, "_warned", set())
    fetch.run("mine", dataset(known=unpublished), folder, out, hashes)
    complete(out)
    assert not hashes.exists()
    assert "What first.gz, second.gz holds is not recorded" in caplog.text


def test_a_size_is_checked_where_nothing_more_is_published(folder, out, hashes):
    entry = dataset(known=lambda name: {"bytes": 7})
    with pytest.raises(fetch.FetchError, match=r"`first\.gz`.*must have 7 bytes\. Found sha256"):
        fetch.run("mine", entry, folder, out, hashes)
    assert not hashes.exists()


def test_a_part_of_another_file_is_not_recorded(server, out, hashes):
    out.parent.mkdir()
    (out.parent / "first.gz.part").write_bytes(b"of another, longer file" * 10_000)
    (out.parent / "second.gz.part").write_bytes(CONTENT["second.gz"])
    fetch.run("mine", dataset([server.url], known=unpublished), None, out, hashes)
    complete(out)
    assert server.requests.count(("second.gz", None)) == 0


ETAG = {"ETag": '"1"'}
DATED = {"Last-Modified": "Tue, 01 Oct 2019 10:00:00 GMT"}
WEAK = DATED | {"ETag": 'W/"1"'}


def begun(server, entry, out, hashes):
    """A download that broke off every time, with what it left."""
    server.cuts = ["first.gz"] * download.ROUNDS
    with pytest.raises(fetch.FetchError, match="stopped after"):
        fetch.run("mine", entry, None, out, hashes)
    server.requests.clear()
    return (out.parent / "first.gz.part").stat().st_size


@pytest.mark.parametrize("version", [ETAG, DATED, WEAK, {}])
def test_without_a_sum_the_same_version_resumes(server, out, hashes, version):
    server.versions = {name: version for name in CONTENT}
    entry = dataset([server.url], known=unpublished)
    have = begun(server, entry, out, hashes)
    fetch.run("mine", entry, None, out, hashes)
    complete(out)
    assert server.requests == [("first.gz", f"bytes={have}-"), ("second.gz", None)]


@pytest.mark.parametrize(
    ("version", "later"),
    [
        (ETAG, {"ETag": '"2"'}),
        (DATED, {"Last-Modified": "Tue, 01 Oct 2024 10:00:00 GMT"}),
        (WEAK, WEAK | {"Last-Modified": "Tue, 01 Oct 2024 10:00:00 GMT"}),
        (ETAG, {}),
    ],
)
def test_without_a_sum_another_version_starts_over(server, out, hashes, version, later):
    """The new file has the size of the old one, which alone would not tell them apart."""
    server.versions = {name: version for name in CONTENT}
    entry = dataset([server.url], known=unpublished)
    begun(server, entry, out, hashes)
    later_content = packed(b"FIRST.GZ")
    assert len(later_content) == len(CONTENT["first.gz"])
    server.content["first.gz"] = later_content
    server.versions = {name: later for name in CONTENT}
    server.cuts = ["first.gz"]  # what starts over breaks off too, and then resumes
    fetch.run("mine", entry, None, out, hashes)
    assert (out.parent / "first.gz").read_bytes() == later_content
    assert left(out) == ["archives.json", *CONTENT]
    first = json.loads(hashes.read_text())["first.gz"]
    assert first == recorded(("first.gz", later_content))["first.gz"]
    assert len(server.requests) == 3 and server.requests[1][1] is not None


def test_with_a_sum_another_address_goes_on(server, out):
    """Two servers need not call the same bytes by the same name; the sum decides."""
    server.content["other/first.gz"] = CONTENT["first.gz"]
    server.versions = {"first.gz": {"ETag": '"1"'}, "other/first.gz": {"ETag": '"2"'}}
    server.cuts = ["first.gz"]
    fetch.run("mine", dataset([server.url, f"{server.url}/other"]), None, out)
    complete(out)
    half = len(CONTENT["first.gz"]) // 2
    assert server.requests[1] == ("other/first.gz", f"bytes={half}-")


@pytest.mark.parametrize(
    "content", ["[]", '{"first.gz": "no sum"}', '{"first.gz": {".": {"files": 1}}}']
)
def test_a_bad_record_is_refused(folder, out, hashes, content):
    hashes.parent.mkdir()
    hashes.write_text(content)
    with pytest.raises(ValueError, match=r"mine\.json` must map archive names to contents"):
        fetch.run("mine", dataset(known=unpublished), folder, out, hashes)


def test_a_record_needs_a_place(folder, out):
    with pytest.raises(ValueError, match=r"`hashes` must.*first\.gz, second\.gz.*--hashes FILE"):
        fetch.run("mine", dataset(known=unpublished), folder, out)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"sha256": "a" * 64, "md5": "a" * 32}, "`md5` of first.gz must not be set if"),
        ({"copies": {"a" * 64: "a copy"}}, "must come with the original's"),
        ({"md5": "a" * 64}, "md5"),
    ],
)
def test_an_archive_is_known_in_one_way(known, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        dataset(known=lambda _: known)
