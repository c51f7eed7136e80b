"""Figures: a caption and an alt text on every computed one, a short address that stays, and a list of all."""

import re
from html import escape
from pathlib import Path

import myst_nb.sphinx_
from docutils import nodes
from myst_nb.core.render import NbElementRenderer
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

SHORT = "figures"  # the folder of the short addresses
SENTENCE = re.compile(r"(\s*\([^)]*\)\.)?.*?[.?!](?=\s|$)", re.DOTALL)
REDIRECT = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<meta http-equiv="refresh" content="0; url={address}">
<h1>{title}</h1>
<p><a href="{address}">The figure</a> is on its page.</p>
</html>
"""


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


class list_of_figures(nodes.General, nodes.Element):
    """Where the list goes when all pages are read."""


class ListOfFigures(SphinxDirective):
    """All figures of the book, in the order of its pages."""

    def run(self):
        self.env.note_reread()
        return [list_of_figures()]


class FillListOfFigures(SphinxPostTransform):
    """A paragraph for each figure: its link, what it shows, and its short address."""

    default_priority = 5  # before the references in it are resolved
    formats = ("html",)

    def run(self, **kwargs):
        for place in list(self.document.findall(list_of_figures)):
            place.replace_self(list(self._pages()))
            self.env.get_domain("math").data["has_equations"][self.env.docname] = True  # captions may hold some

    def _pages(self):
        for page, figures in in_order(self.env):
            title = make_refnode(self.app.builder, self.env.docname, page, None, self.env.titles[page].deepcopy().children)
            yield nodes.rubric("", "", title)
            yield nodes.bullet_list("", *(self._item(page, *figure) for figure in figures))

    def _item(self, page, label, name, said):
        link = make_refnode(self.app.builder, self.env.docname, page, label, name)
        short = nodes.reference("", short_address(label), refuri=f"../{short_address(label)}", classes=["epbook-short"])
        said = [nodes.Text(". "), *said] if said else []
        return nodes.list_item("", nodes.paragraph("", "", link, *said, nodes.Text(" "), short))


def short_address(label):
    """figures/3-4.html for fig-3-4, whatever page it is on."""
    return f"{SHORT}/{label.removeprefix('fig-')}.html"


def headline(caption):
    """A caption's bold opening and, if that is but a number, its first sentence: two lists of nodes."""
    bold, *parts = (part.deepcopy() for part in caption.children if part.astext())
    last = list(bold.findall(nodes.Text))[-1]
    last.parent.replace(last, nodes.Text(last.rstrip(".,")))
    said = []
    for part in parts if bold.astext().startswith("Figure ") else []:
        ended = SENTENCE.match(part.astext()) if isinstance(part, nodes.Text) else None
        said.append(nodes.Text(ended[0]) if ended else part)
        if ended:
            break
    return bold.children, [nodes.Text(said[0].lstrip()), *said[1:]] if said else []


def collect(app, doctree):
    """Notes the labelled figures of a page that was read."""
    known(app.env)[app.env.docname] = [
        (figure["ids"][0], *headline(caption))
        for figure in doctree.findall(nodes.figure)
        for caption in figure.findall(nodes.caption)
        if figure["ids"] and figure["ids"][0].startswith("fig-")
    ]


def known(env):
    """Page -> its figures as (label, name, what it shows)."""
    if not hasattr(env, "epbook_figures"):
        env.epbook_figures = {}
    return env.epbook_figures


def in_order(env):
    """The pages that have figures, as a reader turns them."""
    figures = known(env)
    return [(page, figures[page]) for page in env.collect_relations() if figures.get(page)]


def forget(app, env, docname):
    known(env).pop(docname, None)


def write_short_addresses(app, exception):
    """A page for each figure that leads to where the figure is, from a server or a folder."""
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir, SHORT)
    folder.mkdir(exist_ok=True)
    for page, figures in in_order(app.env):
        for label, name, said in figures:
            title = escape("".join(part.astext() for part in name))
            address = f"../{app.builder.get_target_uri(page)}#{label}"
            Path(app.outdir, short_address(label)).write_text(REDIRECT.format(title=title, address=address), encoding="utf-8")


def setup(app):
    myst_nb.sphinx_.load_renderer = lambda name: CaptionedFigures  # the official way needs an installed entry point
    app.add_node(list_of_figures)
    app.add_directive("list-of-figures", ListOfFigures)
    app.add_post_transform(FillListOfFigures)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("build-finished", write_short_addresses)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
