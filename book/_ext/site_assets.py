"""Every style, script and font a page asks for, served from the book itself: it reads offline."""

import shutil
from importlib.metadata import distribution
from pathlib import Path

from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "book" / "_static"
SERVED = ROOT / "_build" / "mathjax"


def serve_everything(app):
    """Styles, scripts and the few files of MathJax that a page needs, all from the book."""
    package = Path(distribution("sphinx-mathjax-offline").locate_file("sphinx-mathjax-offline"))
    source, target = package / "static" / "mathjax", SERVED / "mathjax"
    shutil.rmtree(SERVED, ignore_errors=True)  # what an interrupted or older build left
    fonts = "output/chtml/fonts/woff-v2"
    shutil.copytree(source / fonts, target / fonts, dirs_exist_ok=True)
    shutil.copy(source / "tex-mml-chtml.js", target)
    notice = "MathJax 3.2.2, copyright The MathJax Consortium, under the Apache License 2.0 (LICENSE beside this file)."
    (target / "NOTICE").write_text(notice + "\n", encoding="utf-8")
    shutil.copy(apache_licence(), target / "LICENSE")
    app.config.html_static_path += [str(STATIC), str(SERVED)]
    for style in sorted(STATIC.glob("*.css")):
        app.add_css_file(style.name)
    for script in sorted(STATIC.glob("*.js")):
        app.add_js_file(script.name, loading_method="defer")


def apache_licence():
    """The licence's text, which MathJax's package forgets; `requests`, which Sphinx needs, is under the same one."""
    for file in distribution("requests").files or []:
        if file.name == "LICENSE" and file.locate().exists():
            return file.locate()
    raise ExtensionError("the package requests has no file LICENSE: MathJax needs a copy of the Apache License 2.0 beside it")


def once_and_without_thebe(app, pagename, templatename, context, doctree):
    """The theme starts an online kernel service, twice, and the second time is an error."""
    kept = {}
    for script in context.get("script_files", []):
        attributes = getattr(script, "attributes", {})
        name = str(getattr(script, "filename", None) or "")
        if "thebe" not in name and "THEBE_JS_URL" not in (attributes.get("body") or ""):
            kept.setdefault((name, repr(sorted(attributes.items(), key=str))), script)
    context["script_files"] = list(kept.values())


def setup(app):
    app.connect("builder-inited", serve_everything)
    app.connect("html-page-context", once_and_without_thebe, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
