"""Every page of the built book, as a reader's browser shows it with the network cut off.

The tests of a page share one visit, in this order.
"""

import re
from urllib.parse import unquote, urlparse

import access
import pytest
from chapters import CHAPTERS, DESK, NOTEBOOKS, PHONE, WITH_SLIDERS
from visits import Visit

PAGES = [*CHAPTERS, "search", "genindex"]
HEAVIEST = 2_000_000  # bytes, the files that all pages share aside
SHARED = ("/_static/", "/searchindex.js")
FILE_NAME = re.compile(r"\S+\.(png|svg|jpe?g|gif|webp)", re.IGNORECASE)
RAW_MATHEMATICS = "[...document.querySelectorAll('.math')].filter(e => !e.querySelector('mjx-container')).map(e => e.outerHTML)"
PICTURES = "[...document.images].map(i => [i.src.slice(0, 80), i.alt.trim(), i.complete && i.naturalWidth > 0])"
FIGURES = "[...document.querySelectorAll('article figure[id]')].map(f => [f.id, f.querySelector('figcaption').innerText])"
WIDTH = "document.documentElement.scrollWidth"


@pytest.fixture(scope="module", params=PAGES)
def opened(request, site, chromium):
    """A page on a phone, its mathematics typeset; its `name` is the page's."""
    one = Visit(chromium, f"{site}/{request.param}.html", viewport=PHONE).typeset()
    one.name = request.param
    yield one
    one.context.close()


def test_page_is_whole(opened):
    page = opened.page
    assert page.evaluate(RAW_MATHEMATICS) == []
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    assert page.locator("script[type*='widget-state']").count() == 0
    assert access.headings_out_of_order(page) == []
    assert opened.problems == []


def test_exercises_that_ask_for_a_number_have_a_field_for_it(opened):
    file = NOTEBOOKS.get(opened.name)
    asked = file.read_text(encoding="utf-8").count("answer = None") if file and file.exists() else 0
    assert opened.page.locator(".epbook-answer input").count() == asked


def test_pictures_are_there_and_described(opened):
    pictures = opened.page.evaluate(PICTURES)
    assert [src for src, _, seen in pictures if not seen] == []
    assert [src for src, alt, _ in pictures if not alt or FILE_NAME.fullmatch(alt)] == []


def test_page_is_light(opened, built):
    weight = sum(_size(url, built) for url in set(opened.addresses))
    assert 0 < weight < HEAVIEST, f"{opened.name} weighs {weight:,} bytes"


def _size(url, built):
    """The bytes of a file of the book that belong to one page alone."""
    path = unquote(urlparse(url).path)
    return 0 if path.startswith(SHARED) or url.startswith("data:") else (built / path.lstrip("/")).stat().st_size


def test_figures_carry_the_thesis_numbers_and_are_found_by_links(opened):
    """Sphinx numbers no figure, fig-3-4 is captioned as figure 3-4, and links such as #fig-3-4 lead to it."""
    page = opened.page
    assert page.locator("figcaption .caption-number").count() == 0
    figures = page.evaluate(FIGURES)
    assert figures or opened.name not in WITH_SLIDERS
    for label, caption in figures:
        if number := re.match(r"fig-(\d+-\d+)", label):
            assert f"Figure {number[1]}" in caption
    linked = page.locator("article a.internal[href^='#fig-']").evaluate_all("links => links.map(link => link.hash.slice(1))")
    assert set(linked) <= {label for label, _ in figures}


def test_page_fits_and_is_accessible_on_a_phone(opened):
    assert opened.page.evaluate(WIDTH) <= PHONE["width"]
    assert access.formulas_cut_off(opened.page) == []
    assert access.violations(opened.page) == []


def test_page_fits_wider_screens_and_is_accessible_by_night(opened):
    page = opened.page
    for width in (820, 1440):
        page.set_viewport_size({**DESK, "width": width})
        assert page.evaluate(WIDTH) <= width
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert access.figures_without_a_light_card(page) == []
    assert access.violations(page, "color-contrast") == []  # night changes nothing else
