"""The built book as a whole: it builds, its links lead somewhere, it is light, quick, and searched without a network."""

import re

import access
import links
import pytest
from chapters import CHAPTERS, DESK, PHONE, WITH_SLIDERS

LARGEST_SITE = 40_000_000  # bytes
FIRST_PAINT = 2_000  # milliseconds, the best of TRIES
TRIES = 3
TAB_STOPS = 25
LOG_LINES = 60


def test_the_book_has_pages_with_sliders():
    assert WITH_SLIDERS


def test_the_book_builds_without_a_warning(build):
    status, log = build
    lines = re.sub(r"\x1b\[[0-9;]*m", "", log).splitlines()
    warnings = [line for line in lines if "WARNING:" in line or "ERROR:" in line]
    assert status == 0, "\n".join([*warnings, "The log ends:", *lines[-LOG_LINES:]])


def test_every_link_and_every_picture_leads_somewhere(built):
    assert links.broken(built) == []


def test_the_site_is_light(built):
    weight = sum(file.stat().st_size for file in built.rglob("*") if file.is_file())
    assert 0 < weight < LARGEST_SITE, f"the site weighs {weight:,} bytes"


@pytest.fixture(params=["served", "file"])
def address(request, site, built):
    """Where the book is: on a server, or in a folder."""
    return site if request.param == "served" else built.as_uri()


def test_search_finds_chapters(address, visit):
    page = visit(f"{address}/search.html?q=cavity", viewport=DESK).page
    page.get_by_text("Search finished").wait_for()
    found = page.locator("#search-results li a").evaluate_all("links => links.map(link => link.pathname)")
    assert [name for name in CHAPTERS if any(path.endswith(f"/{name}.html") for path in found)]


def test_the_heaviest_chapter_is_soon_seen(address, built, visit):
    heaviest = max((built / f"{name}.html" for name in CHAPTERS), key=lambda file: file.stat().st_size)
    paints = [_first_paint(visit(f"{address}/{heaviest.relative_to(built).as_posix()}").page) for _ in range(TRIES)]
    assert min(paints) < FIRST_PAINT


def _first_paint(page):
    """Milliseconds from asking for the page to its first words."""
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    return page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_focus_is_visible(viewport, site, visit):
    page = visit(f"{site}/{WITH_SLIDERS[-1]}.html", viewport=viewport).typeset().page
    assert access.stops_without_a_mark(page, TAB_STOPS) == []
    page.locator("article :is(a, button, input)").first.focus()
    assert access.stops_without_a_mark(page, TAB_STOPS) == []


def test_folded_code_that_scrolls_is_reached_by_tab_once_it_is_open(site, visit):
    page = visit(f"{site}/book/refresher.html", viewport=PHONE).typeset().page
    folded = access.tab_stops_of_scrolling_code(page)
    access.open_all(page)
    opened = access.tab_stops_of_scrolling_code(page)
    assert len(opened) > len(folded) and set(opened) == {0}


def test_a_term_shows_its_definition_while_it_has_the_focus(site, visit):
    term = visit(f"{site}/book/refresher.html").page.locator("a.epbook-term").first
    shown = "link => getComputedStyle(link, '::after').content"
    assert term.evaluate(shown) == "none"
    term.focus()
    said = term.get_attribute("data-definition")
    assert len(said) > 40 and said in term.evaluate(shown)
    assert term.get_attribute("href").startswith("glossary.html#term-")


def test_the_concordance_can_show_one_verdict(site, visit):
    page = visit(f"{site}/book/concordance.html").page
    button = page.get_by_label("differs")
    promised = int(re.search(r"\d+", button.evaluate("button => button.labels[0].textContent"))[0])
    button.check()
    rows = page.locator("table.epbook-rows tbody tr:visible").evaluate_all("rows => rows.map(row => [...row.classList])")
    assert len(rows) == promised > 0
    assert all("differs" in classes for classes in rows)
