"""Every page of the built book, as a reader's browser shows it with the network cut off."""

import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlparse

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
CHAPTERS = [TOC["root"], *(chapter["file"] for chapter in TOC["chapters"])]
WITH_SLIDERS = [name for name in CHAPTERS if (ROOT / f"{name}.ipynb").exists() and "explore(" in (ROOT / f"{name}.ipynb").read_text(encoding="utf-8")]
HEAVIEST = 2_000_000  # bytes, the files that all pages share aside
LOG_LINES = 60
SHARED = ("/_static/", "/searchindex.js")
FILE_NAME = re.compile(r"\S+\.(png|svg|jpe?g|gif|webp)", re.IGNORECASE)
MOVED = "image => { const moved = image.src !== window.seen; window.seen = image.src; return moved }"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

on_every_page = pytest.mark.parametrize("name", [*CHAPTERS, "search", "genindex"])
on_pages_with_sliders = pytest.mark.parametrize("name", WITH_SLIDERS)


def test_the_book_has_pages_with_sliders():
    assert WITH_SLIDERS


def test_the_book_builds_without_a_warning(build):
    status, log = build
    lines = re.sub(r"\x1b\[[0-9;]*m", "", log).splitlines()
    warnings = [line for line in lines if "WARNING:" in line or "ERROR:" in line]
    assert status == 0, "\n".join([*warnings, "The log ends:", *lines[-LOG_LINES:]])


@on_every_page
def test_page_is_whole(name, site, built, visit):
    opened = visit(f"{site}/{name}.html", viewport=DESK).typeset()
    page = opened.page
    assert page.locator("h1").count() >= 1
    assert page.evaluate("[...document.querySelectorAll('.math')].filter(e => !e.querySelector('mjx-container')).map(e => e.outerHTML)") == []
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    assert page.locator("script[type*='widget-state']").count() == 0
    for image in page.locator("img").all():
        alt = (image.get_attribute("alt") or "").strip()
        assert alt and not FILE_NAME.fullmatch(alt), f"alt text {alt!r} of {(image.get_attribute('src') or '')[:80]}"
    assert page.evaluate("[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)") == []
    weight = sum(_size(url, built) for url in set(opened.addresses))
    assert 0 < weight < HEAVIEST, f"{name} weighs {weight:,} bytes"
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def _size(url, built):
    """The bytes of a file of the book that belong to one page alone."""
    path = unquote(urlparse(url).path)
    return 0 if path.startswith(SHARED) or url.startswith("data:") else (built / path.lstrip("/")).stat().st_size


@on_pages_with_sliders
def test_sliders_move_their_figures(name, site, visit):
    address = f"{site}/{name}.html"
    page = visit(address, viewport=DESK).typeset().page
    figures = page.locator(".epbook-explore").all()
    assert figures
    for figure in figures:
        _try_every_slider(page, figure)
    assert page.url == address


def _try_every_slider(page, figure):
    """Walks each slider from end to end by keyboard, comes back to the same address, and resets."""
    image, says = figure.locator("img"), figure.locator(".epbook-says")
    start = image.get_attribute("src")
    for slider in figure.locator("input[type=range]").all():
        assert slider.evaluate("e => e.labels[0].textContent.trim()")
        slider.focus()
        page.keyboard.press("Home")
        image.evaluate(MOVED)
        for _ in range(int(slider.get_attribute("max"))):
            page.keyboard.press("ArrowRight")
            assert image.evaluate(MOVED), f"{slider.get_attribute('id')} does not move its figure"
            assert image.get_attribute("alt") == says.inner_text().strip()
        seen = image.get_attribute("src")
        if seen == start:  # the default is the last value: it is not kept in the address
            page.keyboard.press("Home")
            seen = image.get_attribute("src")
        kept = parse_qs(urlparse(page.url).query)
        assert kept == {slider.get_attribute("id"): [slider.get_attribute("aria-valuetext")]}
        page.reload(wait_until="load")
        assert image.get_attribute("src") == seen
        assert parse_qs(urlparse(page.url).query) == kept
        figure.get_by_role("button", name="Reset").press("Enter")
        assert image.get_attribute("src") == start
        assert urlparse(page.url).query == ""


@on_pages_with_sliders
def test_without_javascript_the_default_figure_and_a_table_remain(name, site, visit):
    page = visit(f"{site}/{name}.html", java_script_enabled=False, watch_console=False).page  # it reports blocked scripts
    figures = page.locator(".epbook-explore").all()
    assert figures
    for figure in figures:
        assert figure.locator("img").is_visible()
        assert figure.locator("details tbody tr").count() >= 2
        assert figure.locator("input, button").count() == 0


@on_every_page
def test_page_reads_from_a_file(name, built, visit):
    page = visit((built / f"{name}.html").as_uri(), viewport=DESK).typeset().page
    assert page.locator("h1").count() >= 1
    figures = page.locator(".epbook-explore").all()
    assert bool(figures) == (name in WITH_SLIDERS)
    for figure in figures:
        _try_every_slider(page, figure)


@on_pages_with_sliders
def test_figures_carry_the_thesis_numbers_and_are_found_by_links(name, site, visit):
    """Sphinx numbers no figure, fig-3-4 is captioned as figure 3-4, and links such as #fig-3-4 lead to it."""
    page = visit(f"{site}/{name}.html").page
    assert page.locator("figcaption .caption-number").count() == 0
    captions = {figure.get_attribute("id"): figure.locator("figcaption").inner_text() for figure in page.locator("article figure[id]").all()}
    assert captions
    for label, caption in captions.items():
        if number := re.match(r"fig-(\d+-\d+)", label):
            assert f"Figure {number[1]}" in caption
    linked = page.locator("article a.internal[href^='#fig-']").evaluate_all("links => links.map(link => link.hash.slice(1))")
    assert set(linked) <= set(captions)
