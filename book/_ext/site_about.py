"""The foot of each page: how to run it, how to cite it, when it last changed, and where to report an error."""

import subprocess
from functools import cache
from pathlib import Path

import yaml
from docutils import nodes
from site_repository import erratum_link
from sphinx.util.osutil import relative_uri

ROOT = Path(__file__).resolve().parents[2]
TEX = {ord(sign): rf"\{sign}" for sign in "&%#_"}


@cache
def citation():
    """What CITATION.cff says."""
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


@cache
def last_changes(root):
    """The date of each page's last commit, by its path; none without git, or where the history is cut short."""
    log = _git(root, "log", "--format=%x00%cs", "--name-only", "--relative", "--", "book")
    if log is None or _git(root, "rev-parse", "--is-shallow-repository") != "false\n":
        return {}
    dates = {}
    for commit in log.split("\0")[1:]:
        date, *files = commit.split("\n")
        for file in filter(None, files):
            dates.setdefault(file, date)  # the latest commit comes first
    return dates


def _git(root, *words):
    """What git prints, or None where there is no git or no repository."""
    try:
        done = subprocess.run(
            ["git", "-C", root, "-c", "core.quotepath=off", *words], check=False, capture_output=True, text=True
        )
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def bibtex(page, title, year, address):
    """One page of the book as an entry for a bibliography."""
    about = citation()
    authors = " and ".join(f"{{{author['name']}}}" for author in about["authors"])
    fields = {
        "author": authors,
        "title": f"{{{title}}}",
        "booktitle": f"{{{about['title'].translate(TEX)}}}",
        "year": year,
        "note": f"Version {about['version']}",
        "url": address,
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@incollection{{epbook:{page.rpartition('/')[2]},", *lines, "}"])


def title_in_tex(title):
    """A page's title with its mathematics as TeX and its signs protected."""
    parts = (f"${part.astext()}$" if isinstance(part, nodes.math) else part.astext().translate(TEX) for part in title.children)
    return "".join(parts)


def describe_page(app, pagename, templatename, context, doctree):
    """What the template about-page.html shows; nothing below pages that nobody wrote."""
    context["about"] = None
    if doctree is None or pagename not in app.env.titles:
        return
    source = context["sourcename"]
    changed = last_changes(ROOT).get(source, "")
    repository = app.config.html_theme_options["repository_url"]
    address = app.config.html_baseurl and app.config.html_baseurl + app.builder.get_target_uri(pagename)
    title = app.env.titles[pagename]
    context["about"] = {
        "bibtex": bibtex(pagename, title_in_tex(title), changed[:4] or app.config.copyright, address),
        "changed": changed,
        "version": citation()["version"],
        "repository": repository,
        "stored": repository in Path(app.env.doc2path(pagename)).read_text(encoding="utf-8"),
        "erratum": erratum_link(repository, pagename, title.astext()),
        "download": relative_uri(app.builder.get_target_uri(pagename), f"_sources/{source}"),
        "notebook": source if source.endswith(".ipynb") else "",
    }


def add_templates(app, config):
    config.templates_path.append(str(ROOT / "book" / "_templates"))


def setup(app):
    app.connect("config-inited", add_templates)
    app.connect("html-page-context", describe_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
