"""The library's reference: every public name once, linked with the sections that derive it, both ways."""

import inspect
import pkgutil
import re
import sys
from functools import lru_cache
from importlib import import_module
from operator import attrgetter
from pathlib import Path

from sphinx import addnodes
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.util.docutils import SphinxDirective

import epbook

LIBRARY = re.compile(r"```\{library\}\n(.*?)```", re.DOTALL)
PLACE = re.compile(r"(chapter|sections?|and) (\d+(?:\.\d+)*)")
CODE = re.compile(r"`([^`]+)`")
WORDS = re.compile(r"(?<![\w*])\*\w[^*]*\*(?![\w*])")  # in italics
MARKUP = re.compile(r"[*|\\]|_(?!\w)")
MEMBERS = {"attribute", "method", "classmethod", "staticmethod", "property"}
SECTIONS = Config(napoleon_use_param=False, napoleon_use_rtype=False, napoleon_custom_sections=[("Attributes", "params_style")])


@lru_cache
def public_objects():
    """path -> object: what epbook and each module right below it offer, by the shortest path that reaches it."""
    below = [import_module(f"epbook.{found.name}") for found in pkgutil.iter_modules(epbook.__path__)]
    paths = {}
    for module in [epbook, *below]:
        for name in _offered(module):
            value = getattr(module, name)
            paths.setdefault(id(value), (f"{module.__name__}.{name}", value))
    return dict(paths.values())


def _offered(module):
    """`__all__`, or what the module defines itself."""
    own = [name for name, value in vars(module).items() if name[0] != "_" and getattr(value, "__module__", "") == module.__name__]
    return getattr(module, "__all__", own)


def home(path):
    """The module that defines a public object, and the object's place in it."""
    module, _, name = path.rpartition(".")
    module = getattr(public_objects()[path], "__module__", module)
    return module, list(vars(sys.modules[module])).index(name)


def paths_in(module):
    """The public paths of what this module, or one below it, defines, in the order of the code."""
    return sorted((path for path in public_objects() if f"{home(path)[0]}.".startswith(f"{module}.")), key=home)


def listed(entries):
    """The public paths that lines of a page of the reference stand for: each a module, or a path that comes before its module's."""
    found = []
    for entry in entries:
        paths = [entry] if entry in public_objects() else paths_in(entry)
        if not paths:
            raise ValueError(
                f"the reference lists {entry}, but nothing public has this name or is defined in a module of this name"
            )
        found += [path for path in paths if path not in entries or path == entry]
    return found


def listed_on(page):
    """The public paths that a page documents."""
    return [path for block in LIBRARY.findall(page.read_text(encoding="utf-8")) for path in listed(block.split())]


def label(number):
    return f"sec-{number.replace('.', '-')}"


class Library(SphinxDirective):
    """Documents names, and all else that modules make public, after what each module says about its own."""

    has_content = True  # a module, or a name that comes first, a line

    def run(self):
        said = [self.content[0]] if self.content[0] in sys.modules else []
        lines = _introduction(said[0]) if said else []
        for path in listed(self.content):
            module, _ = home(path)
            lines += _entry(path) if module in said else _introduction(module) + _entry(path)
            said.append(module)
        return in_rst(self, lines)


def _introduction(module):
    return [f".. automodule:: {module}", "   :no-index:", ""]


def _entry(path):
    value = public_objects()[path]
    if inspect.isclass(value):
        return [f".. autoclass:: {path}", "   :members:", "   :inherited-members:", "   :member-order: bysource", ""]
    return [f".. auto{'function' if callable(value) else 'data'}:: {path}", ""]


class LibraryList(SphinxDirective):
    """A line for each name that a page of the reference documents."""

    required_arguments = 1  # the page, a file beside this one

    def run(self):
        page = Path(self.env.doc2path(self.env.docname)).with_name(self.arguments[0])
        self.env.note_dependency(str(page))
        lines = [f"- ``{path}``: {_marked_up(first_line(public_objects()[path]))}" for path in listed_on(page)]
        return in_rst(self, lines)


def first_line(value):
    return inspect.getdoc(value).splitlines()[0] if callable(value) else f"a {type(value).__name__}."


def in_rst(directive, lines):
    """The nodes of lines in reStructuredText, the language of the directives for Python."""
    made = directive.parse_text_to_nodes("\n".join(["```{eval-rst}", *lines, "```"]))
    for part in (part for node in made for part in node.findall()):
        part.document = directive.state.document  # not the inner one, with which all that Sphinx knows would be stored
    return made


class PlainDocstring(GoogleDocstring):
    """Google's sections; what is returned is said in words, and a colon among them ends no type."""

    def _parse_returns_section(self, section):
        said = " ".join(line.strip() for line in self._consume_to_next_section())
        return [f":returns: {said.strip()}", ""]


def as_rst(app, what, name, value, options, lines):
    """Docstrings are plain text: code in `backticks`, examples after >>>, formulas indented, and at last the sections."""
    blocks, margin = [], 0
    if what == "data":
        lines.clear()  # that of its type
    for block in "\n".join(lines).split("\n\n"):
        if _indent(block) > margin:
            blocks += [" " * margin + ".. code-block:: text", block]
            continue
        said, prompt, example = block.partition(">>>")
        blocks.append(_marked_up(said) + prompt + example)
        margin = _indent(block.splitlines()[-1]) if block else 0
    lines[:] = str(PlainDocstring("\n\n".join(blocks), SECTIONS, app, "function", name, value)).splitlines()


def _indent(text):
    return len(text) - len(text.lstrip(" "))


def _marked_up(text):
    if text.startswith("Book: "):
        linked = PLACE.sub(lambda found: f"{found[1]} :ref:`{found[2]} <{label(found[2])}>`", text)
        return f".. container:: epbook-derived\n\n   {linked}"
    parts = CODE.split(text)
    parts[::2] = [_escaped(part) for part in parts[::2]]
    parts[1::2] = [f"``{code}``" + "\\ " * after[:1].isalnum() for code, after in zip(parts[1::2], parts[2::2])]
    return "".join(parts)


def _escaped(text):
    """Stars and bars of formulas as they are; *words* in italics."""
    parts = re.split(f"({WORDS.pattern})", text)
    return "".join(part if WORDS.fullmatch(part) else MARKUP.sub(r"\\\g<0>", part) for part in parts)


def without_strangers(app, what, name, value, skip, options):
    """Leaves out what a class inherits from other packages."""
    return None if is_ours(value) else True


def is_ours(member):
    """Whether a method or property is of this library."""
    return str(getattr(_code(member), "__module__", None)).startswith("epbook")


def _code(member):
    """What a property, a class method or a cached function runs."""
    kept = (getattr(member, name, None) for name in ("fget", "func", "__func__", "__wrapped__"))
    return next((code for code in kept if code), member)


def link_sources(app, config):
    """[source] beside each entry; it costs no page of the book, and needs the repository's address."""
    config.linkcode_resolve = lambda domain, entry: source_address(config.html_theme_options, entry["module"], entry["fullname"])


def source_address(options, module, name):
    """Where the repository shows the code of an entry; None without an address, and for what is no code."""
    code = _code(attrgetter(name)(sys.modules[module]))
    if not options.get("repository_url") or not (inspect.isclass(code) or inspect.isfunction(code)):
        return None
    lines, first = inspect.getsourcelines(code)
    file = Path(inspect.getsourcefile(code)).relative_to(Path(epbook.__file__).parents[1]).as_posix()
    branch = options.get("repository_branch") or "main"
    return f"{options['repository_url']}/blob/{branch}/{file}#L{first}-L{first + len(lines) - 1}"


def without_nothing(app, what, name, value, options, signature, returns):
    """(*args, **kwargs), which says nothing, is left out."""
    return ("", returns) if signature == "(*args, **kwargs)" else None


def members_stay_out_of_the_contents(app, domain, kind, content):
    """A page's contents name its functions and classes."""
    for signature in content.parent.findall(addnodes.desc_signature):
        if kind in MEMBERS:
            signature["_toc_name"] = ""


def setup(app):
    for extension in ("autodoc", "linkcode"):
        app.setup_extension(f"sphinx.ext.{extension}")
    app.add_directive("library", Library)
    app.add_directive("library-list", LibraryList)
    app.connect("config-inited", link_sources, priority=900)  # after the address is settled
    app.connect("autodoc-process-docstring", as_rst)
    app.connect("autodoc-process-signature", without_nothing)
    app.connect("object-description-transform", members_stay_out_of_the_contents)
    app.connect("autodoc-skip-member", without_strangers)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
