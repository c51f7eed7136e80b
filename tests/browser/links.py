"""Finds the links of a built site that lead nowhere, as a browser that reads from files would follow them."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Anchors(HTMLParser):
    """The places of one page, and what it refers to."""

    def __init__(self, file):
        super().__init__()
        self.names, self.references = set(), set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.names |= {given.get("id"), given.get("name") if tag == "a" else None} - {None}
        self.references |= {given.get("href"), given.get("src")} - {None}


def broken(folder):
    """Every reference to a file or a place that `folder` has not got, as "page -> reference"."""
    pages = {file.resolve(): Anchors(file) for file in sorted(Path(folder).rglob("*.html")) if "_static" not in file.parts}
    return [
        f"{file.relative_to(Path(folder).resolve())} -> {reference[:120]}"
        for file, page in pages.items()
        for reference in sorted(page.references)
        if not _leads_somewhere(reference, file, pages)
    ]


def _leads_somewhere(reference, file, pages):
    """Whether a reference from one of the pages has a target; other sites are not asked."""
    parts = urlsplit(reference)
    if parts.scheme or parts.netloc:
        return True
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if not target.is_file():
        return False
    return not parts.fragment or target not in pages or unquote(parts.fragment) in pages[target].names
