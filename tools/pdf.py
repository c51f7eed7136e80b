"""Prints every page of the built book with Chromium and joins them: title, contents, page numbers, bookmarks, links.

    python tools/pdf.py [SITE] [FILE]      by default _build/html and _build/epbook.pdf
"""

import html
import io
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urldefrag

import yaml
from playwright.sync_api import sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import Fit
from tqdm import tqdm

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tools import browser as system_browser

ROOT = Path(__file__).resolve().parents[1]
PAPER = {"format": "A4", "print_background": True, "margin": dict.fromkeys(("top", "bottom", "left", "right"), "20mm")}
SETTLED = "() => !document.querySelector('.math') || window.MathJax?.startup?.promise?.then(() => true)"
# What a reader of paper cannot click: hidden solutions and tables stand open.
OPEN = """() => {
  document.documentElement.dataset.theme = 'light';
  document.querySelectorAll('details').forEach(one => { one.open = true });
  document.querySelectorAll('.toggle-hidden').forEach(one => one.classList.remove('toggle-hidden'));
}"""
# The captions and pages of the navigation, in order.
CONTENTS = """() => [...document.querySelectorAll('nav.bd-links p.caption, nav.bd-links a.reference.internal')].map(
  one => one.matches('p') ? {part: one.innerText.trim() || one.textContent.trim()} : {title: one.textContent.trim(), address: one.href})"""
STYLE = """<style>
  body { font: 11pt/1.5 Charter, Georgia, serif; color: #12324a }
  h1 { font-size: 30pt; line-height: 1.2; margin: 0 0 6mm; padding-top: 70mm } h2 { font-size: 13pt; margin: 7mm 0 1mm }
  ol { list-style: none; padding: 0; margin: 0 } li { display: flex; gap: 2mm } i { flex: 1; border-bottom: 1px dotted #888 }
  .sheet { break-after: page; height: 250mm; position: relative } .sheet span { position: absolute; bottom: 0; width: 100%; text-align: center }
  .contents > h1 { font-size: 20pt; padding-top: 0 }
</style>"""


class Chapter(NamedTuple):
    """A printed page of the book.

    Attributes:
        part: the caption above it in the navigation.
        title: its title there.
        address: of the page in the browser.
        pdf: what Chromium printed.
    """

    part: str
    title: str
    address: str
    pdf: PdfReader


def print_page(browser, address):
    """One page as a PDF, its hidden parts open."""
    page = browser.new_page(viewport={"width": 900, "height": 1200})
    page.goto(address, wait_until="load")
    page.wait_for_function(SETTLED)
    page.evaluate(OPEN)
    printed = page.pdf(**PAPER, outline=True, tagged=True)
    page.close()
    return PdfReader(io.BytesIO(printed))


def print_text(browser, body, **options):
    """A sheet of our own: title, contents, page numbers."""
    page = browser.new_page()
    page.set_content(STYLE + body)
    printed = page.pdf(**(PAPER | options))
    page.close()
    return PdfReader(io.BytesIO(printed))


def chapters(browser, root):
    """All pages of the navigation of the page at address root, that one first, printed.

    Raises:
        SystemExit: if the page has no navigation.
    """
    page = browser.new_page()
    page.goto(root, wait_until="load")
    title, entries = page.locator("h1").first.evaluate("one => one.firstChild.textContent.trim()"), page.evaluate(CONTENTS)
    page.close()
    if not entries:
        raise SystemExit(f"{root} has no navigation to follow: build the book first, with make book")
    part, found = "", {root: ("", title)}
    for entry in entries:
        part = entry.get("part", part)
        if "address" in entry:
            found.setdefault(urldefrag(entry["address"]).url, (part, entry["title"]))
    return [Chapter(*names, address, print_page(browser, address)) for address, names in tqdm(found.items(), unit="page")]


def front(browser, book, starts, about):
    """Title page and contents; starts are the page numbers of the chapters."""
    lines, part = [], ""
    for chapter, start in zip(book, starts, strict=True):
        if chapter.part != part:
            part = chapter.part
            lines.append(f"<h2>{html.escape(part)}</h2>")
        lines.append(f"<ol><li><span>{html.escape(chapter.title)}</span><i></i><span>{start}</span></li></ol>")
    title = f'<div class="sheet"><h1>{html.escape(about["title"])}</h1><p>{html.escape(about["abstract"])}</p>'
    authors = ", ".join(author["name"] for author in about["authors"])
    title += f"<p>{html.escape(authors)}<br>Version {html.escape(about['version'])}</p></div>"
    return print_text(browser, f'{title}<div class="contents"><h1>Contents</h1>{"".join(lines)}</div>')


def join(browser, book, about):
    """The whole book as one PDF, in a writer."""
    lengths = [len(chapter.pdf.pages) for chapter in book]
    before = len(front(browser, book, lengths, about).pages)  # as long as with the right numbers, which are not known yet
    starts = [before + sum(lengths[:i]) + 1 for i in range(len(book))]
    writer, parts = PdfWriter(), {}
    writer.append(front(browser, book, starts, about), "Contents", import_outline=False)
    for chapter in book:
        writer.append(chapter.pdf, import_outline=False)
    for chapter, start in zip(book, starts, strict=True):
        if chapter.part and chapter.part not in parts:
            parts[chapter.part] = writer.add_outline_item(title=chapter.part, page_number=start - 1)
        item = writer.add_outline_item(title=chapter.title, page_number=start - 1, parent=parts.get(chapter.part))
        _sections(writer, chapter.pdf, chapter.pdf.outline, start - 1, item)
    _number(browser, writer, before)
    _link(writer, {chapter.address: start - 1 for chapter, start in zip(book, starts, strict=True)})
    writer.add_metadata({"/Title": about["title"], "/Author": ", ".join(author["name"] for author in about["authors"])})
    writer.compress_identical_objects()
    return writer


def _sections(writer, printed, outline, offset, parent):
    """The headings of a page below its bookmark; its own title, their only root, is the bookmark already."""
    sections = next((entry for entry in outline if isinstance(entry, list)), [])
    for section in sections:
        if not isinstance(section, list):  # no deeper than sections
            place = offset + printed.get_destination_page_number(section)
            writer.add_outline_item(title=section.title, page_number=place, parent=parent)


def _number(browser, writer, first):
    """A page number at the foot of every page after the contents."""
    count = len(writer.pages)
    sheets = "".join(f'<div class="sheet"><span>{number}</span></div>' for number in range(1, count + 1))
    margins = {"margin": {"top": "20mm", "bottom": "8mm", "left": "20mm", "right": "20mm"}}
    style = "<style>.sheet { height: 266mm } .sheet:last-child { break-after: auto }</style>"
    numbers = print_text(browser, style + sheets, **margins, print_background=False)
    for page, number in list(zip(writer.pages, numbers.pages, strict=True))[first:]:
        page.merge_page(number)


def _link(writer, starts):
    """Links from page to page of the site become links inside the PDF."""
    for number, page in enumerate(writer.pages):
        for reference in list(page.get("/Annots") or []):
            link = reference.get_object()
            address = unquote(urldefrag(link.get("/A", {}).get("/URI", "")).url)
            if address in starts:
                page["/Annots"].remove(reference)
                writer.add_annotation(number, Link(rect=link["/Rect"], target_page_index=starts[address], fit=Fit.fit()))


def main(site=ROOT / "_build" / "html", target=ROOT / "_build" / "epbook.pdf"):
    about = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    root = Path(site).resolve() / f"{toc['root']}.html"
    if not root.exists():
        raise SystemExit(f"there is no {root}: build the book first, with make book")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=system_browser.find(), args=system_browser.arguments())
        writer = join(browser, chapters(browser, root.as_uri()), about)
        browser.close()
    writer.write(target)
    print(f"{target}: {len(writer.pages)} pages, {Path(target).stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(*sys.argv[1:])
