"""Google Drive: a page to confirm is answered, a page that refuses is one message, and no loop."""

import hashlib
import http.server
import threading
import urllib.parse

import pytest

from rotograd_replication.config import load as config
from rotograd_replication.config import schema
from rotograd_replication.data import download, fetch, google_drive
from rotograd_replication.files.checksums import ExpectedChecksums
from tests.helpers.paths import CONFIGS

CONTENT = {"large": b"a large archive " * 4000, "small": b"a small list\n" * 10}
FORM = """<html><head><title>Google Drive - Virus scan warning</title></head><body>
<form id="download-form" action="{action}" method="get"><input type="submit" value="Download">
<input type="hidden" name="id" value="{id}"><input type="hidden" name="confirm" value="t">
<input type="hidden" name="uuid" value="4-2"></form></body></html>"""
QUOTA = (
    "<html><head><title>Google Drive - Quota exceeded</title></head><body>Too many</body></html>"
)


class Handler(http.server.BaseHTTPRequestHandler):
    """Small files at once, large ones after the form came back with the page's cookie."""

    def do_GET(self):
        address = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(address.query))
        server, wanted = self.server, self.headers.get("Range")
        server.requests.append((address.path, query, wanted))
        name = query.get("id")
        confirmed = address.path == "/download" and query.get("uuid") == "4-2"
        confirmed &= "seen=yes" in self.headers.get("Cookie", "") and query.get("confirm") == "t"
        if server.quota:
            self.page(QUOTA)
        elif name == "large" and (server.endless or not confirmed):
            self.page(FORM.format(action="/download", id=name))
        else:
            self.file(CONTENT[name], wanted)

    def page(self, text):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Set-Cookie", "seen=yes")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def file(self, content, wanted):
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        body = content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Disposition", 'attachment; filename="file"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.cuts:
            self.server.cuts -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests, server.cuts, server.quota, server.endless = [], 0, False, False
        address = f"http://127.0.0.1:{server.server_address[1]}/uc"
        monkeypatch.setattr(google_drive, "ADDRESS", address)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def bring(name, folder):
    sha256 = (hashlib.sha256(CONTENT[name]).hexdigest(),)
    path, expected = folder / name, ExpectedChecksums(sha256=sha256, size=len(CONTENT[name]))

    def check(_, found):
        if not expected.accepts(found):
            raise ValueError(f"Found {found}.")

    download.download([f"gdrive:{name}"], path, expected, check)
    assert path.read_bytes() == CONTENT[name]


def test_a_small_file_comes_at_once(server, tmp_path):
    bring("small", tmp_path)
    assert server.requests == [("/uc", {"export": "download", "id": "small"}, None)]


def test_a_large_file_comes_after_the_form(server, tmp_path):
    bring("large", tmp_path)
    assert [path for path, _, _ in server.requests] == ["/uc", "/download"]


def test_a_broken_download_resumes(server, tmp_path):
    server.cuts = 1
    bring("large", tmp_path)
    assert server.requests[-1][2] == f"bytes={len(CONTENT['large']) // 2}-"


def test_a_form_that_comes_back_is_a_refusal(server, tmp_path):
    server.endless = True
    with pytest.raises(download.DownloadError, match="Virus scan warning"):
        bring("large", tmp_path)
    assert len(server.requests) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_quota_page_is_one_message_with_all_that_a_person_needs(server, tmp_path):
    server.quota = True
    entry = config.load_datasets(CONFIGS)["celeba"]
    with pytest.raises(fetch.FetchError, match="Quota exceeded") as error:
        fetch.run("celeba", entry, None, tmp_path / "archives.json")
    text = str(error.value)
    for archive in entry.archives:
        for part in (archive.name, str(archive.bytes), archive.md5):
            assert part in text
    for part in (entry.homepage, str(tmp_path), "mirror=FOLDER", "Try again later"):
        assert part in text
    assert "\n" not in text
    assert len(server.requests) == 1, "a refusal is not asked again"
    assert list(tmp_path.iterdir()) == []


def test_celeba_archives_are_known_by_their_md5(tmp_path):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    entry = config.load_datasets(CONFIGS)["celeba"]
    small = [
        schema.Archive(name=a.name, urls=a.urls, bytes=3, md5=hashlib.md5(b"yes").hexdigest())
        for a in entry.archives
    ]
    for archive in small:
        (mirror / archive.name).write_bytes(b"yes")
    entry = entry.model_copy(update={"archives": small})
    fetch.run("celeba", entry, mirror, tmp_path / "archives.json")
    (tmp_path / small[0].name).unlink()
    (mirror / small[0].name).write_bytes(b"no!")
    with pytest.raises(fetch.FetchError, match=small[0].md5):
        fetch.run("celeba", entry, mirror, tmp_path / "archives.json")
