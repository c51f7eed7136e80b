"""The thesis's own numbers on equations and figures, and links that keep the words their author gave them."""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

KINDS = {"fig": "figure", "tab": "table", "eq": "equation", "alg": "algorithm", "sec": "section", "ex": "exercise"}
DASHED = {"fig", "tab"}  # as the thesis writes their numbers


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
    kind, _, name = label.partition("-")
    number = re.match(r"(\d+(-\d+)*)?", name)[0]
    return f"{KINDS.get(kind, 'here')} {number if kind in DASHED else number.replace('-', '.')}".strip()


def leave_tags_to_notebooks(app, doctree):
    """JupyterLab and previews number an equation by its \\tag{3.18}, the book by its label eq-3-18."""
    for block in doctree.findall(nodes.math_block):
        block[:] = [nodes.Text(re.sub(r"\s*\\tag\{[^}]*\}", "", block.astext()))]


def keep_punctuation_with_mathematics(app, doctree):
    """Browsers break a line between a formula and its comma."""
    for formula in list(doctree.findall(nodes.math)):
        after = formula.next_node(descend=False, siblings=True)
        signs = re.match(r"[,.;:?!)’”]+", after.astext()) if isinstance(after, nodes.Text) else None
        if signs:
            together = nodes.inline("", "", formula.deepcopy(), nodes.Text(signs[0]), classes=["epbook-together"])
            after.parent.replace(after, nodes.Text(after.astext()[signs.end() :]))
            formula.replace_self(together)


def keep_the_thesis_numbers(app, env):
    """Captions hold the thesis's own numbers, and the label eq-3-20 asks for (3.20): Sphinx's would be others."""
    for numbers in env.toc_fignumbers.values():
        numbers.pop("figure", None)
        equations = numbers.get("displaymath", {})
        for anchor in equations:
            if thesis := re.fullmatch(r"equation-eq((-\d+)+)", anchor):
                equations[anchor] = tuple(thesis[1].split("-")[1:])
    return []


def setup(app):
    app.add_post_transform(LinksKeepTheirWords)
    app.connect("doctree-read", leave_tags_to_notebooks)
    app.connect("doctree-read", keep_punctuation_with_mathematics)
    app.connect("env-get-updated", keep_the_thesis_numbers, priority=900)  # after Sphinx has given its own
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
