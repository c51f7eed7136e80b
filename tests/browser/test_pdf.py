"""Pages printed and joined: what `make pdf` does to the whole book, on a book of two pages."""

import pytest

from tools import pdf

NAVIGATION = """<nav class="bd-links"><p class="caption">The thesis</p>
  <ul><li><a class="reference internal" href="one.html">First &amp; short</a></li><li><a class="reference internal" href="two.html">Second</a></li></ul></nav>"""
ONE = '<h1>First</h1><h2>Here</h2><p>See <a href="two.html#there">the second</a>.</p><details><summary>More</summary>hidden until asked</details>'
TWO = '<h1>Second</h1><h2 id="there">There</h2><p style="break-before: page">overleaf</p>'
ABOUT = {"title": "A small book", "abstract": "Of two pages.", "version": "1.0", "authors": [{"name": "Somebody"}]}


@pytest.fixture(scope="module")
def printed(chromium, tmp_path_factory):
    """The small book as a PDF, read back."""
    folder = tmp_path_factory.mktemp("site")
    for name, body in {"index": "<h1>A small book</h1>", "one": ONE, "two": TWO}.items():
        (folder / f"{name}.html").write_text(f"<!doctype html><title>{name}</title>{NAVIGATION}<main>{body}</main>", encoding="utf-8")
    pages = pdf.chapters(chromium, (folder / "index.html").as_uri())
    pdf.join(chromium, pages, ABOUT).write(folder / "book.pdf")
    return pdf.PdfReader(folder / "book.pdf")


def text(printed, number):
    return printed.pages[number - 1].extract_text()


def test_title_contents_and_pages_follow_each_other(printed):
    assert "A small book" in text(printed, 1) and "Somebody" in text(printed, 1)
    contents = text(printed, 2).split("\n")
    assert [line for line in contents if line.startswith(("First", "Second"))] == ["First & short 4", "Second 5"]
    assert "Here" in text(printed, 4) and "There" in text(printed, 5) and "overleaf" in text(printed, 6)
    assert len(printed.pages) == 6
    assert printed.metadata.title == "A small book" and printed.metadata.author == "Somebody"


def test_pages_after_the_contents_are_numbered(printed):
    assert [text(printed, number).rstrip().endswith(str(number)) for number in (3, 4, 5, 6)] == [True] * 4


def test_what_was_folded_is_open(printed):
    assert "hidden until asked" in text(printed, 4)


def test_bookmarks_are_parts_pages_and_sections(printed):
    def places(outline):
        return [places(one) if isinstance(one, list) else (one.title, printed.get_destination_page_number(one) + 1) for one in outline]

    assert places(printed.outline) == [
        ("Contents", 1),
        ("A small book", 3),
        ("The thesis", 4),
        [("First & short", 4), [("Here", 4)], ("Second", 5), [("There", 5)]],
    ]


def test_links_between_pages_stay_inside(printed):
    links = [one.get_object() for one in printed.pages[3]["/Annots"] if "/Dest" in one.get_object()]
    targets = [printed.get_page_number(link["/Dest"][0].get_object()) + 1 for link in links]
    assert 5 in targets
    assert not any("two.html" in str(one.get_object().get("/A", "")) for page in printed.pages for one in page.get("/Annots") or [])


def test_a_page_without_navigation_is_refused(chromium, tmp_path):
    (tmp_path / "bare.html").write_text("<h1>Bare</h1>", encoding="utf-8")
    with pytest.raises(SystemExit, match="build the book first"):
        pdf.chapters(chromium, (tmp_path / "bare.html").as_uri())
