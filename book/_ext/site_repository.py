"""Where the book lives: the addresses of its repository and of its pages, and all that is possible only with them.

The repository's is `repository.url` of _config.yml, the pages' is `html.baseurl`; a workflow that knows
better says so in EPBOOK_REPOSITORY and EPBOOK_SITE. Without an address nothing points to it.
"""

import os
import re
from pathlib import Path
from urllib.parse import urlencode

from sphinx.errors import ExtensionError

from tools.notebooks import with_address

GITHUB = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+")


def settle_addresses(app, config):
    """The environment wins over _config.yml, and what is no address stops the build."""
    repository = os.environ.get("EPBOOK_REPOSITORY") or config.html_theme_options.get("repository_url", "")
    site = os.environ.get("EPBOOK_SITE") or config.html_baseurl
    repository = repository.rstrip("/").removesuffix(".git")
    if repository and not GITHUB.fullmatch(repository):
        raise ExtensionError(
            f"repository.url or EPBOOK_REPOSITORY must be like https://github.com/owner/name, not {repository!r}"
        )
    if site and not site.startswith(("https://", "http://")):
        raise ExtensionError(f"html.baseurl or EPBOOK_SITE must be like https://owner.github.io/name/, not {site!r}")
    config.html_theme_options["repository_url"] = repository
    config.html_baseurl = site and site.rstrip("/") + "/"


def launch_links(repository, branch, notebook):
    """Where a notebook runs without an installation: (name, address) of each place."""
    if not repository:
        return []
    owned = repository.removeprefix("https://github.com/")
    return [
        ("Binder", f"https://mybinder.org/v2/gh/{owned}/{branch}?urlpath=lab/tree/{notebook}"),
        ("Colab", f"https://colab.research.google.com/github/{owned}/blob/{branch}/{notebook}"),
    ]


def erratum_link(repository, page, title):
    """The form for an error, its page filled in; empty without an address."""
    asked = urlencode({"template": "erratum.yml", "title": f"Erratum: {title}", "page": page})
    return f"{repository}/issues/new?{asked}" if repository else ""


def offer_launches(app, pagename, templatename, context, doctree):
    """A button above a notebook's page for each place that runs it."""
    options = app.config.html_theme_options
    context["launches"] = []
    if not context.get("sourcename", "").endswith(".ipynb"):
        return
    branch = options.get("repository_branch") or "main"
    context["launches"] = launch_links(options["repository_url"], branch, context["sourcename"])
    buttons = [
        {"type": "link", "text": name, "url": address, "tooltip": f"Run this page on {name}"}
        for name, address in context["launches"]
    ]
    if buttons:
        group = {"type": "group", "icon": "fas fa-rocket", "tooltip": "Run this page", "label": "launch-buttons"}
        context["header_buttons"].insert(0, {**group, "buttons": buttons})


def address_downloads(app, exception):
    """The notebooks that readers download know where the library is to be had."""
    address = app.config.html_theme_options["repository_url"]
    for notebook in sorted(Path(app.outdir, "_sources").rglob("*.ipynb")) if address and not exception else []:
        notebook.write_text(with_address(notebook.read_text(encoding="utf-8"), address), encoding="utf-8")


def setup(app):
    app.connect("config-inited", settle_addresses, priority=400)  # before anybody reads them
    app.connect("html-page-context", offer_launches, priority=800)  # after the theme's own buttons
    app.connect("build-finished", address_downloads)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
