"""Archives: copied, downloaded and resumed; never half-written, never of unknown content."""

import hashlib
import http.server
import json
import socket
import threading

import pytest

from rotograd_replication import config, download, fetch, schema
from tests.paths import CONFIGS

CONTENT = {name: name.encode() * 5000 for name in ("first.gz", "second.gz")}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def dataset(urls=(), copies=None, names=tuple(CONTENT)):
    archives = [
        {
            "name": name,
            "urls": [f"{url}/{name}" for url in urls],
            "bytes": len(CONTENT[name]),
            "sha256": sha256(CONTENT[name]),
            "copies": copies or {},
        }
        for name in names
    ]
    entry = config.values(config.load_datasets(CONFIGS)["toy_convex"])
    entry |= {"label": "official", "archives": archives, "parameters": {}}
    entry["parameters"] = {"point": {"value": [1.0, 1.0], "source": "choice: a test"}}
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
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        start = start if server.ranges else 0
        if start >= len(content):
            self.send_error(416)
            return
        body = content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
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
    sums = {name: sha256(content) for name, content in CONTENT.items()}
    assert json.loads(out.read_text())["archives"] == sums


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
