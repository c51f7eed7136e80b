"""Study aids: a glossary whose definitions appear where its terms are used."""

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

GLOSSARY = "book/glossary"


class defined_term(nodes.reference):
    """A link into the glossary that carries its definition."""


class TermsCarryTheirDefinitions(SphinxPostTransform):
    """Makes every resolved {term} a `defined_term`."""

    default_priority = 20  # after Sphinx has resolved references
    formats = ("html",)

    def run(self, **kwargs):
        links = [link for link in self.document.findall(nodes.reference) if self._is_term(link)]
        if not links or self.env.docname == GLOSSARY:
            return
        known = definitions(self.env.get_doctree(GLOSSARY))
        for link in links:
            said = known[link["refuri"].partition("#")[2]]
            link.replace_self(defined_term("", "", *link.children, refuri=link["refuri"], definition=said))

    @staticmethod
    def _is_term(link):
        return any("std-term" in child.get("classes", ()) for child in link.children if isinstance(child, nodes.Element))


def definitions(glossary):
    """The anchor of every term of a glossary page, with the first paragraph of its definition as text."""
    found = {}
    for listing in glossary.findall(addnodes.glossary):
        for item in listing.findall(nodes.definition_list_item):
            said = next(item.findall(nodes.paragraph)).astext()
            found |= {anchor: said for term in item.findall(nodes.term) for anchor in term["ids"]}
    return found


def open_link(translator, node):
    link = {"CLASS": "reference internal epbook-term", "href": node["refuri"], "data-definition": node["definition"]}
    translator.body.append(translator.starttag(node, "a", "", **link))


def close_link(translator, node):
    translator.body.append("</a>")


def list_the_index(app, doctree):
    """The generated index is no file that a table of contents could name."""
    if app.env.docname == app.config.root_doc:
        *_, last = doctree.findall(addnodes.toctree)
        last["entries"].append((None, "genindex"))


def setup(app):
    app.add_node(defined_term, html=(open_link, close_link))
    app.add_post_transform(TermsCarryTheirDefinitions)
    app.connect("doctree-read", list_the_index, priority=400)  # before Sphinx collects the contents
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
