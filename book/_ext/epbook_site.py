"""What this book adds to Jupyter Book: a cache that sees the library, captions and alt texts
on computed figures, mathematics served from the book itself, and the concordance."""

import hashlib
import os
import re
import shutil
import sys
from importlib.metadata import distribution, distributions
from pathlib import Path

import myst_nb.sphinx_
from docutils import nodes
from myst_nb.core.render import NbElementRenderer
from sphinx import addnodes
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

from epbook import concordance

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "book" / "_static"
SERVED = ROOT / "_build" / "mathjax"
MODE = "frames"
CACHES = 3  # of executed notebooks, one for each state of the library
KINDS = {"fig": "figure", "tab": "table", "eq": "equation", "alg": "algorithm", "sec": "section", "ex": "exercise"}
DASHED = {"fig", "tab"}  # as the thesis writes their numbers


class CaptionedFigures(NbElementRenderer):
    """Makes a figure of every output that `epbook.notebook` describes in its metadata."""

    def render_image(self, data):
        return self._figure(data, super().render_image(data))

    def render_text_html(self, data):
        return self._figure(data, super().render_text_html(data))

    def _figure(self, data, content):
        about = data.output_metadata.get("epbook")
        if about is None:
            return content
        for image in content:
            if isinstance(image, nodes.image):
                image["alt"] = about["alt"]
        caption = nodes.caption()
        with self.renderer.current_node_context(caption):
            self.renderer.nested_render_text(about["caption"], data.line or 0, inline=True)
        figure = nodes.figure("", *content, caption, names=[nodes.fully_normalize_name(about["name"])])
        self.renderer.document.note_explicit_target(figure, figure)
        return [figure]


class Concordance(SphinxDirective):
    """The table of `epbook.concordance`, links and mathematics included."""

    def run(self):
        self.env.note_dependency(str(ROOT / "epbook" / "data" / "concordance.toml"))
        lines = ["| Thesis | Page | What it says | Verdict | Here | Code and check |", "|---|---:|---|---|---|---|"]
        lines += ["| " + " | ".join(self._cells(row)) + " |" for row in concordance.rows()]
        table = nodes.container("", *self.parse_text_to_nodes("\n".join(lines)), classes=["epbook-concordance"])
        return [table]

    @staticmethod
    def _cells(row):
        verdict, colon, why = row.verdict.partition(":")
        place = f"[{in_words(row.place)}](#{row.place})" if row.place else ""
        code = ", ".join(f"`{name}`" for name in (row.function, row.check) if name)
        cells = (row.item, str(row.page), row.thesis, f"**{verdict}**{colon}{why}", place, code)
        return [cell.replace("|", r"\|") for cell in cells]


class LinksKeepTheirWords(SphinxPostTransform):
    """Links like [the update](#eq-3-19) to equations and algorithms, which Sphinx would number or not find."""

    default_priority = 5  # before MyST resolves them

    def run(self, **kwargs):
        equations = self.env.get_domain("math").equations
        algorithms = getattr(self.env, "proof_list", {})
        for link in list(self.document.findall(addnodes.pending_xref)):
            label = link["reftarget"]
            if link["reftype"] != "myst" or not link["refexplicit"]:
                continue
            if label in equations:
                page, anchor = equations[label][0], nodes.make_id(f"equation-{label}")
            elif label in algorithms:
                page, anchor = algorithms[label]["docname"], label
            else:
                continue
            link.replace_self(make_refnode(self.app.builder, self.env.docname, page, anchor, link.children))


def in_words(label):
    """A label as a reader says it: fig-3-4 is figure 3-4, eq-3-20 is equation 3.20, fig-flocks just figure."""
    kind, _, number = label.partition("-")
    if not number[:1].isdigit():
        number = ""
    return f"{KINDS.get(kind, 'here')} {number if kind in DASHED else number.replace('-', '.')}".strip()


def key_cache_by_library(app, config):
    """Jupyter's cache looks at the notebook only; a changed library must execute it again."""
    packages = sorted({(found.name, found.version) for found in distributions()})
    key = hashlib.sha256(repr((MODE, sys.version, packages)).encode())
    for file in sorted((ROOT / "epbook").rglob("*")):
        if file.suffix in {".py", ".csv", ".toml"}:
            key.update(file.read_bytes())
    config.nb_execution_cache_path = str(ROOT / "_build" / f"executed-{key.hexdigest()[:12]}")


def start_from_nothing(app):
    """Pages of deleted chapters would stay; what was executed and read is kept elsewhere."""
    shutil.rmtree(app.outdir)
    app.outdir.mkdir()


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


def leave_tags_to_notebooks(app, doctree):
    """JupyterLab and previews number an equation by its \\tag{3.18}, the book by its label eq-3-18."""
    for block in doctree.findall(nodes.math_block):
        block[:] = [nodes.Text(re.sub(r"\s*\\tag\{[^}]*\}", "", block.astext()))]


def keep_the_thesis_numbers(app, env):
    """Captions hold the thesis's own numbers, and the label eq-3-20 asks for (3.20): Sphinx's would be others."""
    for numbers in env.toc_fignumbers.values():
        numbers.pop("figure", None)
        equations = numbers.get("displaymath", {})
        for anchor in equations:
            if thesis := re.fullmatch(r"equation-eq((-\d+)+)", anchor):
                equations[anchor] = tuple(thesis[1].split("-")[1:])
    return []


def forget_old_executions(app, exception):
    """Every change of the library starts another cache."""
    now = Path(app.config.nb_execution_cache_path)
    earlier = sorted(set(now.parent.glob("executed-*")) - {now}, key=lambda cache: cache.stat().st_mtime)
    for cache in earlier[: 1 - CACHES]:
        shutil.rmtree(cache, ignore_errors=True)


def forget_after_warnings(app, exception):
    """Sphinx does not repeat the warnings of pages it read before: a failed build must not pass the second time."""
    if exception or app._warncount:
        shutil.rmtree(app.doctreedir, ignore_errors=True)


def setup(app):
    os.environ["EPBOOK_WIDGETS"] = MODE  # for the kernels, whatever the caller's shell says
    myst_nb.sphinx_.load_renderer = lambda name: CaptionedFigures  # the official way needs an installed entry point
    app.add_directive("concordance", Concordance)
    app.add_post_transform(LinksKeepTheirWords)
    app.connect("config-inited", key_cache_by_library)
    app.connect("builder-inited", start_from_nothing)
    app.connect("builder-inited", serve_everything)
    app.connect("doctree-read", leave_tags_to_notebooks)
    app.connect("env-get-updated", keep_the_thesis_numbers, priority=900)  # after Sphinx has given its own
    app.connect("html-page-context", once_and_without_thebe, priority=900)
    app.connect("build-finished", forget_old_executions)
    app.connect("build-finished", forget_after_warnings)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
