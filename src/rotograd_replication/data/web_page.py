"""Recognise a web page that came in place of a file: one to confirm, or one that refuses."""

import html.parser
from pathlib import Path

STARTS = (b"<!doctype html", b"<html")
# Bytes of a page that are read.
SIZE = 1 << 20


class WebPage(html.parser.HTMLParser):
    """A page's title, and the address and hidden fields of its form, if it has one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.title, self.action = "", ""
        self.fields: dict[str, str] = {}
        self._in_title = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what a tag says."""
        given = {key: value or "" for key, value in attrs}
        self._in_title = tag == "title"
        if tag == "form":
            self.action = given.get("action", "")
        elif tag == "input" and given.get("type") == "hidden":
            self.fields[given.get("name", "")] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        """Collect the title."""
        if self._in_title:
            self.title += data.strip()
            self._in_title = False


def title(path: Path) -> str | None:
    """Give the title of a web page; None for a file that is none."""
    with open(path, "rb") as file:
        start = file.read(SIZE).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start[:20].lower().startswith(STARTS):
        return None
    return WebPage(start.decode(errors="replace")).title


def refuse(path: Path, name: str) -> None:
    """Refuse a web page that came in place of the file `name`.

    Raises:
        ValueError: names the file and the page's title.
    """
    page = title(path)
    if page is not None and not name.endswith((".html", ".htm")):
        raise ValueError(f"`{name}` must be the file itself. Found a web page, {page!r}.")
