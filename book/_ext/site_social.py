"""What other sites show of a page: its description, a picture, and a map of the book for search engines."""

import io
import re
from html import escape, unescape
from pathlib import Path
from xml.sax.saxutils import escape as xml_escape

import numpy as np
from docutils import nodes
from matplotlib.figure import Figure
from PIL import Image
from site_about import citation

from epbook import ClutterProblem, ep

CARD = "_static/card.png"
READINGS = [5.0, 1.6, -1.5, 2.6, 1.9, 2.3]  # of the opening page
LONGEST = 200  # characters of a description
PAPER, INK, BLUE, ORANGE = "#12324a", "#ffffff", "#8fd3ee", "#f6b26b"


def describe(app, pagename, templatename, context, doctree):
    """Open Graph's tags; addresses and the picture only where the book has one."""
    if doctree is None:
        return
    said, site = description(doctree), app.config.html_baseurl
    tags = {
        "og:title": unescape(re.sub("<[^>]*>", "", context["title"])),
        "og:type": "article",
        "og:site_name": app.config.html_title or app.config.project,
    }
    if said:
        tags |= {"description": said, "og:description": said}
    if site:
        tags |= {"og:url": site + app.builder.get_target_uri(pagename), "og:image": site + CARD}
        tags |= {
            "og:image:alt": "A skewed posterior and the Gaussian that matches its moments",
            "twitter:card": "summary_large_image",
        }
    context["metatags"] += "".join(meta(name, content) for name, content in tags.items())


def meta(name, content):
    """One tag of the page's head."""
    key = "property" if name.startswith("og:") else "name"
    return f'<meta {key}="{name}" content="{escape(content)}" />\n'


def description(doctree):
    """The first sentences of a page that hold no mathematics."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            text = "".join(_words(paragraph))
            sentences = [sentence for sentence in re.split(r"(?<=[.?!])\s+", text) if "\0" not in sentence]
            if sentences:
                return shortened(" ".join(" ".join(sentences).split()))
    return ""


def _words(node):
    """The texts in a node, with a zero for each formula."""
    for child in node.children:
        if isinstance(child, nodes.Text):
            yield child.astext()
        elif isinstance(child, (nodes.math, nodes.math_block)):
            yield "\0"
        else:
            yield from _words(child)


def shortened(text):
    """At most `LONGEST` characters, cut between words."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def draw_card(app, exception):
    """The picture of the book: the posterior of the opening's readings, and EP's answer to it."""
    if exception or app.builder.format != "html":
        return
    clutter = ClutterProblem(READINGS, w=0.2)
    theta = np.linspace(-2.2, 5.6, 400)
    result = ep(clutter.posterior(), clutter.terms)
    exact = np.exp(clutter.log_joint(theta) - clutter.exact().log_evidence)
    gaussian = np.exp(-((theta - result.mean) ** 2) / (2 * result.covariance)) / np.sqrt(2 * np.pi * result.covariance)
    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor=PAPER)  # what social networks show
    axes = figure.add_axes((0, 0, 1, 0.62))
    axes.fill_between(theta, exact, color=BLUE, alpha=0.25, linewidth=0)
    axes.plot(theta, exact, color=BLUE, linewidth=6)
    axes.plot(theta, gaussian, color=ORANGE, linewidth=6, linestyle=(0, (4, 2.5)))
    axes.set(xlim=(theta[0], theta[-1]), ylim=(0, 1.1 * exact.max()))
    axes.axis("off")
    title, kind = citation()["title"].split(": ")
    figure.text(0.06, 0.8, title, color=INK, size=48, family="serif")
    figure.text(0.06, 0.7, kind, color=ORANGE, size=30, family="serif")
    save_small(figure, Path(app.outdir, CARD))


def save_small(figure, path):
    """A PNG in 64 colours, the same bytes at each build."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", metadata={"Software": None})
    Image.open(drawn).convert("RGB").quantize(64).save(path, optimize=True)


def write_map(app, exception):
    """sitemap.xml, which must hold full addresses, hence only where there are any."""
    site = app.config.html_baseurl
    if exception or app.builder.format != "html" or not site:
        return
    places = (xml_escape(site + app.builder.get_target_uri(page)) for page in sorted(app.env.found_docs))
    lines = "".join(f"  <url><loc>{place}</loc></url>\n" for place in places)
    xml = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    Path(app.outdir, "sitemap.xml").write_text(f"{xml}{lines}</urlset>\n", encoding="utf-8")


def setup(app):
    app.connect("html-page-context", describe)
    app.connect("build-finished", draw_card)
    app.connect("build-finished", write_map)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
