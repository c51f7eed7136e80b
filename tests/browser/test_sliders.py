"""Sliders and answers on the built pages: with a server, from files, and without JavaScript."""

import re
from base64 import b64decode
from urllib.parse import parse_qs, urlparse

import pytest
from chapters import DESK, WITH_SLIDERS

from epbook.answers import Answer

MOVED_AND_SAYS_SO = """figure => {
  const image = figure.querySelector("img"), moved = image.src !== window.seen;
  window.seen = image.src;
  return moved && image.alt === figure.querySelector(".epbook-says").textContent.trim();
}"""
on_pages_with_sliders = pytest.mark.parametrize("name", WITH_SLIDERS)


@on_pages_with_sliders
def test_sliders_move_their_figures(name, site, visit):
    address = f"{site}/{name}.html"
    page = visit(address, viewport=DESK).page
    figures = page.locator(".epbook-explore").all()
    assert figures
    for figure in figures:
        for slider in figure.locator("input[type=range]").all():
            _walk(page, figure, slider)
    _comes_back_as_left(page, figures)
    assert page.url == address


def _walk(page, figure, slider):
    """Every step of a slider, from end to end by keyboard, shows another frame and says what it shows; then resets."""
    image = figure.locator("img")
    start = image.get_attribute("src")
    assert slider.evaluate("e => e.labels[0].textContent.trim()")
    slider.focus()
    page.keyboard.press("Home")
    figure.evaluate(MOVED_AND_SAYS_SO)
    for _ in range(int(slider.get_attribute("max"))):
        page.keyboard.press("ArrowRight")
        assert figure.evaluate(MOVED_AND_SAYS_SO), f"{slider.get_attribute('id')} does not move its figure and its words"
    figure.get_by_role("button", name="Reset").press("Enter")
    assert image.get_attribute("src") == start
    assert urlparse(page.url).query == ""


def _comes_back_as_left(page, figures):
    """The address keeps the place of every slider; it is loaded again, and reset."""
    starts = [figure.locator("img").get_attribute("src") for figure in figures]
    sliders = page.locator(".epbook-explore input[type=range]").all()
    for slider in sliders:
        default = slider.input_value()
        slider.press("End")
        if slider.input_value() == default:  # which the address does not keep
            slider.press("Home")
    seen = [figure.locator("img").get_attribute("src") for figure in figures]
    assert all(now != start for now, start in zip(seen, starts))
    kept = {slider.get_attribute("id"): [slider.get_attribute("aria-valuetext")] for slider in sliders}
    assert parse_qs(urlparse(page.url).query) == kept
    page.reload(wait_until="load")
    assert [figure.locator("img").get_attribute("src") for figure in figures] == seen
    assert parse_qs(urlparse(page.url).query) == kept
    for figure in figures:
        figure.get_by_role("button", name="Reset").press("Enter")
    assert [figure.locator("img").get_attribute("src") for figure in figures] == starts


@on_pages_with_sliders
def test_without_javascript_the_default_figure_and_a_table_remain(name, site, visit):
    page = visit(f"{site}/{name}.html", java_script_enabled=False, watch_console=False).page  # it reports blocked scripts
    figures = page.locator(".epbook-explore").all()
    assert figures
    for figure in figures:
        assert figure.locator("img").is_visible()
        assert figure.locator("details tbody tr").count() >= 2
        assert figure.locator("input, button").count() == 0


@pytest.mark.parametrize("name", [*WITH_SLIDERS[:3], WITH_SLIDERS[-1], "book/api/index", "search", "genindex"])
def test_page_reads_from_a_file(name, built, visit):
    """Its mathematics stands, and each slider moves its figure to either end."""
    page = visit((built / f"{name}.html").as_uri(), viewport=DESK).typeset().page
    assert page.locator("h1").count() >= 1
    figures = page.locator(".epbook-explore").all()
    assert bool(figures) == (name in WITH_SLIDERS)
    for figure in figures:
        for slider in figure.locator("input[type=range]").all():
            slider.press("Home")
            figure.evaluate(MOVED_AND_SAYS_SO)
            slider.press("End")
            assert figure.evaluate(MOVED_AND_SAYS_SO), f"{slider.get_attribute('id')} does not move its figure and its words"


def test_a_typed_number_is_judged_as_the_library_judges_it(built, visit):
    page = visit((built / "book" / "1-introduction.html").as_uri()).page
    places = page.locator(".epbook-answer").all()
    assert places
    for place in places:
        about = [place.get_attribute(f"data-{part}") for part in ("name", "asks", "sealed", "within")]
        asked, right = Answer(*about[:3], float(about[3])), float(b64decode(about[2]))
        for value in (None, right, 1.5 * right, 0.5 * right, -right):
            place.get_by_label(f"Your answer: {asked.asks}").fill("" if value is None else repr(value))
            assert place.get_by_role("status").inner_text() == ""
            page.keyboard.press("Enter")
            said = place.get_by_role("status").inner_text()
            assert said.replace(":", ",").rstrip(".").lower() == asked.says(value)


def test_without_javascript_no_answer_is_given_away(site, visit):
    page = visit(f"{site}/book/1-introduction.html", java_script_enabled=False, watch_console=False).page
    places = page.locator(".epbook-answer").all()
    assert places
    for place in places:
        assert "JavaScript" in place.inner_text() and not re.search(r"\d", place.inner_text())
        assert place.locator("input, button").count() == 0
