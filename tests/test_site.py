"""What the book's pages carry beside their text: addresses, launch buttons, citations, dates, and figures' short addresses."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "book" / "_ext"))  # where Jupyter Book finds them too

import site_about
import site_figures
import site_repository
import site_social

REPOSITORY, SITE = "https://github.com/ann/book", "https://ann.github.io/book/"
CONTENTS = """
Chapters
========

.. toctree::

   chapter
   figures
"""
CHAPTER = """
EP & friends
============

Why :math:`q`? A short answer. And another.

.. figure:: dot.png
   :alt: a dot
   :name: fig-3-4

   **Figure 3-4.** A term :math:`t`, and its site. More.

.. figure:: dot.png
   :alt: a dot
   :name: fig-flocks

   **Three flocks.** Each peak.
"""
LIST = """
Figures
=======

.. list-of-figures::
"""
DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)


def settled(monkeypatch, environment=(), url="", baseurl=""):
    """The configuration after the environment had its say."""
    for name in ("EPBOOK_REPOSITORY", "EPBOOK_SITE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in dict(environment).items():
        monkeypatch.setenv(name, value)
    config = SimpleNamespace(html_theme_options={"repository_url": url, "repository_branch": "main"}, html_baseurl=baseurl)
    site_repository.settle_addresses(None, config)
    return config


def test_the_environment_wins_over_the_configuration(monkeypatch):
    config = settled(
        monkeypatch, {"EPBOOK_REPOSITORY": f"{REPOSITORY}.git", "EPBOOK_SITE": SITE[:-1]}, url="https://github.com/x/y"
    )
    assert (config.html_theme_options["repository_url"], config.html_baseurl) == (REPOSITORY, SITE)
    config = settled(monkeypatch, url=f"{REPOSITORY}/", baseurl=SITE)
    assert (config.html_theme_options["repository_url"], config.html_baseurl) == (REPOSITORY, SITE)
    config = settled(monkeypatch)
    assert (config.html_theme_options["repository_url"], config.html_baseurl) == ("", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [("EPBOOK_REPOSITORY", "ann/book"), ("EPBOOK_REPOSITORY", "https://github.com/ann"), ("EPBOOK_SITE", "ann.io")],
)
def test_what_is_no_address_stops_the_build(monkeypatch, name, value):
    with pytest.raises(ExtensionError, match=f"{name} must be like https://.*, not '{value}'"):
        settled(monkeypatch, {name: value})


@pytest.mark.parametrize(("source", "names"), [("book/a.ipynb", ["Binder", "Colab"]), ("book/a.md", [])])
def test_notebooks_are_launched_where_the_repository_is_known(monkeypatch, source, names):
    for url, expected in ((REPOSITORY, names), ("", [])):
        context = {"sourcename": source, "header_buttons": []}
        site_repository.offer_launches(SimpleNamespace(config=settled(monkeypatch, url=url)), "book/a", "", context, None)
        assert [name for name, _ in context["launches"]] == expected
        assert [button["text"] for group in context["header_buttons"] for button in group["buttons"]] == expected
        assert all(address.endswith(f"/{source}") and "ann/book" in address for _, address in context["launches"])


def test_downloads_know_the_repository(tmp_path, monkeypatch):
    first = 'REPOSITORY = ""  # the address\nif True:\n    pass'
    notebook = tmp_path / "_sources" / "book" / "a.ipynb"
    notebook.parent.mkdir(parents=True)
    notebook.write_text(json.dumps({"cells": [{"source": first.splitlines(keepends=True)}]}), encoding="utf-8")
    for url in ("", REPOSITORY):
        site_repository.address_downloads(SimpleNamespace(config=settled(monkeypatch, url=url), outdir=tmp_path), None)
        source = "".join(json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"])
        assert source == first.replace('""', f'"{url}"')


@pytest.mark.parametrize("file", sorted((ROOT / "book").glob("*.ipynb")), ids=lambda file: file.name)
def test_the_first_cell_gets_the_library_only_where_it_is_missing(file, monkeypatch):
    cell = json.loads(file.read_text(encoding="utf-8"))["cells"][0]
    assert cell["metadata"]["tags"] == ["remove-cell"]
    commands = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append(command))
    source = "".join(cell["source"])
    exec(source, {})
    assert commands == []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    exec(source.replace('REPOSITORY = ""', f'REPOSITORY = "{REPOSITORY}"'), {})
    assert [command[-1] for command in commands] == [f"epbook @ git+{REPOSITORY}"]


def test_a_page_is_cited_with_what_is_known():
    title = nodes.title("", "", nodes.Text("EP & "), nodes.math("", "q"))
    with_all = site_about.bibtex("book/3-4-power-ep", site_about.title_in_tex(title), "2026", f"{SITE}book/3-4-power-ep.html")
    version = site_about.citation()["version"]
    for line in (
        "@incollection{epbook:3-4-power-ep,",
        r"title = {{EP \& $q$}}",
        "year = {2026}",
        f"Version {version}",
        f"url = {{{SITE}book",
    ):
        assert line in with_all
    assert "url" not in site_about.bibtex("book/a", "A", "2026", "")
    assert with_all.count("{") == with_all.count("}")


def git(folder, *words, date="2020-01-01T00:00:00"):
    """Runs git in a folder, for a committer without a configuration."""
    who = {f"GIT_{kind}_{what}": "ann" for kind in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **who, "GIT_COMMITTER_DATE": date}
    subprocess.run(["git", "-C", folder, "-c", "commit.gpgsign=false", *words], env=environment, check=True, capture_output=True)


def test_a_page_changed_when_it_was_last_committed(tmp_path):
    home = tmp_path / "home"
    (home / "book").mkdir(parents=True)
    git(home, "init")
    for year, name in ((2020, "old.md"), (2021, "new.md")):
        (home / "book" / name).write_text("text")
        git(home, "add", ".")
        git(home, "commit", "-m", "a page", date=f"{year}-05-06T07:08:09")
    assert site_about.last_changes(home) == {"book/old.md": "2020-05-06", "book/new.md": "2021-05-06"}
    git(tmp_path, "clone", "--depth", "1", home.as_uri(), "shallow")
    assert site_about.last_changes(tmp_path / "shallow") == {}


def test_without_git_no_page_has_a_date(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert site_about.last_changes(tmp_path) == {}
    monkeypatch.setenv("PATH", "")
    assert site_about.last_changes(str(tmp_path)) == {}


@pytest.mark.parametrize("repository", ["", REPOSITORY])
@pytest.mark.parametrize("stored", [True, False])
def test_the_foot_of_a_page_links_to_what_there_is(repository, stored):
    template = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(
        (ROOT / "book" / "_templates" / "about-page.html").read_text(encoding="utf-8")
    )
    about = {
        "bibtex": "@a{<b>}",
        "changed": "2026-01-02",
        "version": "1.0",
        "download": "../_sources/book/a.ipynb",
        "notebook": "book/a.ipynb",
    }
    about |= {"repository": repository, "stored": stored, "erratum": site_repository.erratum_link(repository, "book/a", "A & B")}
    html = template.render(about=about, launches=site_repository.launch_links(repository, "main", "book/a.ipynb"))
    links = re.findall(r'href="([^"]*)"', html)
    assert links[0] == "../_sources/book/a.ipynb"
    assert len(links) == (5 if repository else 1) and all(links)
    assert ("issues/new?template=erratum.yml&amp;title=Erratum%3A+A+%26+B&amp;page=book%2Fa" in html) == bool(repository)
    assert ("REPOSITORY" in html) == (bool(repository) and not stored)
    assert "@a{&lt;b&gt;}" in html and "2026-01-02" in html
    assert template.render(about=None).strip() == ""


@pytest.fixture(scope="module")
def small_site(tmp_path_factory):
    """A book of one chapter and its list of figures, built with this book's extensions."""
    home = tmp_path_factory.mktemp("small")
    for name, text in (("index", CONTENTS), ("chapter", CHAPTER), ("figures", LIST)):
        (home / f"{name}.rst").write_text(text, encoding="utf-8")
    (home / "dot.png").write_bytes(DOT)
    options = {"extensions": ["site_numbers", "site_figures", "site_social"], "html_baseurl": SITE, "html_theme": "basic"}
    app = Sphinx(home, None, home / "html", home / "trees", "html", options, status=None, warning=None)
    app.build()
    return home / "html"


def test_figures_have_short_addresses(small_site):
    for name, label, title in (("3-4", "fig-3-4", "Figure 3-4"), ("flocks", "fig-flocks", "Three flocks")):
        page = (small_site / site_figures.short_address(label)).read_text(encoding="utf-8")
        assert f'content="0; url=../chapter.html#{label}"' in page and f"<title>{title}</title>" in page
        assert (small_site / "figures" / f"{name}.html").exists()
    assert 'id="fig-3-4"' in (small_site / "chapter.html").read_text(encoding="utf-8")


def test_the_list_of_figures_says_what_each_shows(small_site):
    html = (small_site / "figures.html").read_text(encoding="utf-8")
    items = [re.sub("<[^>]*>", "", item).strip() for item in re.findall(r"<li><p>(.*?)</p></li>", html, re.DOTALL)]
    assert items == [r"Figure 3-4. A term \(t\), and its site. figures/3-4.html", "Three flocks figures/flocks.html"]
    assert 'href="chapter.html#fig-3-4"' in html and "mathjax" in html.lower()


def test_formulas_keep_their_commas(small_site):
    assert re.search(
        r'<span class="epbook-together"><span[^>]*>\\\(t\\\)</span>,</span>', (small_site / "chapter.html").read_text()
    )


def test_pages_describe_themselves_to_other_sites(small_site):
    html = (small_site / "chapter.html").read_text(encoding="utf-8")
    tags = dict(re.findall(r'<meta (?:name|property)="([^"]*)" content="([^"]*)" />', html))
    assert tags["description"] == tags["og:description"] == "A short answer. And another."
    assert (tags["og:title"], tags["og:url"], tags["og:image"]) == (
        "EP &amp; friends",
        f"{SITE}chapter.html",
        f"{SITE}_static/card.png",
    )
    assert f'<link rel="canonical" href="{SITE}chapter.html" />' in html
    assert f"<loc>{SITE}chapter.html</loc>" in (small_site / "sitemap.xml").read_text(encoding="utf-8")
    assert 1000 < (small_site / site_social.CARD).stat().st_size < 60_000


def test_descriptions_are_cut_between_words():
    cut = site_social.shortened("word " * 100)
    assert len(cut) <= site_social.LONGEST and cut.endswith("word…")
    assert site_social.shortened("short") == "short"


def luminance(colour):
    """WCAG's relative luminance of #rgb or #rrggbb."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["html {", 'html[data-theme="dark"] {'])
def test_colours_of_words_stand_out_from_their_ground(theme):
    style = (ROOT / "book" / "_static" / "epbook.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--epbook-(\w+): (#\w+);", style.split(f"\n{theme}")[1].split("}")[0]))
    for ground in ("paper", "card"):
        for words in ("ink", "quiet", "heading", "blue", "orange"):
            low, high = sorted(luminance(colours[name]) for name in (ground, words))
            assert (high + 0.05) / (low + 0.05) >= 4.5, f"{words} on {ground}"
