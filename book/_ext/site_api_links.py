"""Links from the chapters into the library's reference: code in text, code in cells, and the functions that a section derives."""

import ast
import inspect
import re
from functools import lru_cache
from importlib import import_module

from docutils import nodes
from site_api import PLACE, home, is_ours, label, public_objects
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

NAME = re.compile(r"(?:epbook\.)?(\w+(?:\.\w+)*)(?:\(\))?")
DOT = '<span class="o">.</span>'
CHAIN = re.compile(
    rf'(?<!{re.escape(DOT)})<span class="n">\w+</span>(?:{re.escape(DOT)}<span class="n">\w+</span>)*(?!<span class="o">=)'
)
PYTHON = {"ipython3", "python", "python3"}
BINDINGS = {ast.Name: "id", ast.arg: "arg", ast.FunctionDef: "name", ast.ClassDef: "name"}


@lru_cache
def path_of(code):
    """The public path that a piece of code says, as `ep`, `ep()`, `epbook.ep` and `Result.mean` do; None if it says none."""
    said = NAME.fullmatch(code)
    if not said:
        return None
    found = [path for path in public_objects() if f"epbook.{said[1]}" == path] or [
        path for path in public_objects() if path.endswith(f".{said[1]}")
    ]
    if found:
        return found[0] if len(found) == 1 else None
    head, _, name = said[1].rpartition(".")
    owner = path_of(head) if head else None
    member = inspect.getattr_static(public_objects().get(owner), name, None)
    return f"{owner}.{name}" if is_ours(member) and inspect.getdoc(member) else None


@lru_cache
def derived_in():
    """label -> public paths: the sections that docstrings name in their last line, which begins with `Book:`."""
    sections = {}
    for path in sorted(public_objects(), key=home):
        *_, last = (inspect.getdoc(public_objects()[path]) or "-").splitlines()
        for _, number in PLACE.findall(last) if last.startswith("Book: ") else ():
            sections.setdefault(label(number), []).append(path)
    return sections


class CodeLeadsToTheLibrary(SphinxPostTransform):
    """Links `ep` and `Result.mean` in text to the reference."""

    default_priority = 5  # before Sphinx resolves references

    def run(self, **kwargs):
        for code in list(self.document.findall(nodes.literal)):
            path = path_of(code.astext())
            if path and not _within(code, nodes.title, nodes.reference, nodes.term, addnodes.pending_xref):
                code.replace_self(_link(path, code.deepcopy(), self.env.docname))


class SectionsNameTheirFunctions(SphinxPostTransform):
    """Ends a section with the functions that it derives."""

    default_priority = 5

    def run(self, **kwargs):
        sections = derived_in()
        for section in self.document.findall(nodes.section):
            paths = [path for name in section["ids"] for path in sections.get(name, ())]
            if paths:
                listed = nodes.paragraph("", "In the library:", classes=["epbook-library"])
                for path in paths:
                    name = nodes.literal("", path.removeprefix("epbook."))
                    listed += [nodes.Text(" "), _link(path, name, self.env.docname)]
                section += listed


def _link(path, code, page):
    return addnodes.pending_xref(
        "", code, refdomain="py", reftype="obj", reftarget=path, refdoc=page, refexplicit=True, refwarn=True
    )


def _within(node, *kinds):
    while node := node.parent:
        if isinstance(node, kinds):
            return True
    return False


def link_cells(app, page, template, context, doctree):
    """Links what the code cells of a page use of the library."""
    names = imported(_python(doctree)) if doctree else {}
    if names:
        objects = app.env.get_domain("py").objects
        context["body"] = with_links(context["body"], names, objects, lambda other: app.builder.get_relative_uri(page, other))


def with_links(html, names, objects, address):
    """Highlighted code whose names lead to the objects that they mean, as far as these have entries."""

    def linked(chain):
        spans = chain[0].split(DOT)
        words = [re.sub("<.*?>", "", span) for span in spans]
        for end in range(len(words), 0, -1) if words[0] in names else ():
            entry = objects.get(".".join([names[words[0]], *words[1:end]]))
            if entry:
                link = f'<a class="epbook-code" href="{address(entry.docname)}#{entry.node_id}">{DOT.join(spans[:end])}</a>'
                return DOT.join([link, *spans[end:]])
        return chain[0]

    return CHAIN.sub(linked, html)


def _python(doctree):
    """The cells of a page that are plain Python."""
    for block in doctree.findall(nodes.literal_block):
        try:
            yield ast.parse(block.astext() if block.get("language") in PYTHON else "")
        except SyntaxError:
            continue


def imported(trees):
    """name -> path of what the cells import from the library under this name, and do not bind to anything else."""
    found, bound = {}, set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "epbook":
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name == "epbook" or alias.asname}
        elif type(node) in BINDINGS and not isinstance(getattr(node, "ctx", None), ast.Load):
            bound.add(getattr(node, BINDINGS[type(node)]))
    return {name: _shortest(path) for name, path in found.items() if name not in bound}


@lru_cache
def _shortest(path):
    """The public path of what this path imports; itself where that is a module."""
    module, _, name = path.rpartition(".")
    value = getattr(import_module(module), name, None) if module.startswith("epbook") else None
    return next((public for public, one in public_objects().items() if one is value), path)


def setup(app):
    app.add_post_transform(CodeLeadsToTheLibrary)
    app.add_post_transform(SectionsNameTheirFunctions)
    app.connect("html-page-context", link_cells)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
