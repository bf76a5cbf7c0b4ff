"""Read Google Drive's answer to a download: the file, a page to confirm, or a page that refuses.

`gdrive:<id>` stands for a public file. Drive cannot scan large files for viruses and answers with a
form, which must be sent back; once a file was downloaded too often in a day, it answers with a page
that says so. Both pages have status 200: only an answer that names an attachment is the file.
"""

import urllib.parse

import requests

from . import web_page

SCHEME = "gdrive:"
ADDRESS = "https://drive.google.com/uc"


class Refused(requests.RequestException):
    """Drive gave a page in place of the file; the message is the page's title."""


def get(url: str, headers: dict[str, str], timeout: tuple[float, float]) -> requests.Response:
    """Give the answer whose body is the file, or an error status; the body is not read yet.

    Args:
        url: `gdrive:<id>`.
        headers: Of the request; `Range` asks for the rest of a file.
        timeout: Seconds, as requests takes them.

    Raises:
        Refused: Drive gave a page that is no form, or a second form.
        requests.RequestException: no connection.
    """
    address = ADDRESS
    query = {"export": "download", "id": url.removeprefix(SCHEME)}
    title = ""
    with requests.Session() as session:  # the form counts only with the page's cookie
        for _ in range(2):
            response = session.get(
                address, params=query, headers=headers, stream=True, timeout=timeout
            )
            if response.status_code != 200 or "Content-Disposition" in response.headers:
                return response
            with response:
                content = next(response.iter_content(web_page.SIZE), b"")
            page = web_page.WebPage(content.decode(errors="replace"))
            title = page.title
            if not page.action:
                break
            address, query = urllib.parse.urljoin(response.url, page.action), page.fields
    raise Refused(f"Google Drive refused with the page {title!r}")
