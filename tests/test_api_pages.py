"""The reference documents all that is public, once, and is linked with the chapters both ways; no build is needed to see it."""

import ast
import inspect
import re
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "book" / "_ext"))  # where Jupyter Book finds them too

import site_api
import site_api_links

PAGES = sorted(page for page in (ROOT / "book" / "api").glob("*.md") if page.stem != "index")


def test_everything_public_is_documented_once():
    listed = Counter(path for page in PAGES for path in site_api.listed_on(page))
    assert set(listed) == set(site_api.public_objects())
    assert [path for path, times in listed.items() if times > 1] == []


def test_what_the_package_offers_is_public_under_its_own_name():
    import epbook

    assert {f"epbook.{name}" for name in epbook.__all__} <= set(site_api.public_objects())
    assert "epbook.checks.finite_array" in site_api.public_objects()


def test_every_page_is_in_the_contents_and_on_the_first_page():
    contents = re.findall(r"file: (book/api/\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
    first = (ROOT / "book" / "api" / "index.md").read_text(encoding="utf-8")
    assert contents == ["book/api/index", *(f"book/api/{name}" for name in re.findall(r"\{library-list\} (\S+)\.md", first))]
    assert sorted(contents[1:]) == [f"book/api/{page.stem}" for page in PAGES]


def test_a_line_that_documents_nothing_is_refused():
    with pytest.raises(ValueError, match=r"the reference lists epbook\.nowhere, but nothing public"):
        site_api.listed(["epbook.nowhere"])


def test_a_name_may_come_before_its_module():
    assert site_api.listed(["epbook.ep", "epbook.expectation_propagation"])[:2] == ["epbook.ep", "epbook.Refinement"]


def test_the_sections_that_docstrings_name_exist():
    text = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "book").glob("*.ipynb"))
    sections = site_api_links.derived_in()
    assert "epbook.ep" in sections["sec-3-2"]
    assert [label for label in sections if f"({label})=" not in text] == []


@pytest.mark.parametrize("path", [path for path, value in site_api.public_objects().items() if inspect.isfunction(value)])
def test_a_function_says_what_it_does_and_takes(path):
    value = site_api.public_objects()[path]
    said = inspect.getdoc(value)
    assert said.splitlines()[0].endswith((".", ")"))
    if not path.startswith("epbook.checks."):  # their first line says it
        assert [name for name in inspect.signature(value).parameters if not re.search(rf"\b{name}\b", said)] == []


def as_rst(text):
    lines = text.splitlines()
    site_api.as_rst(SimpleNamespace(config=None), "function", "f", None, None, lines)
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("plain", "marked"),
    [
        ("Keeps the `Potential`s.", r"Keeps the ``Potential``\ s."),
        ("KL(p || q) is a * b and x_.", r"KL(p \|\| q) is a \* b and x\_."),
        ("A *site* stands in.", "A *site* stands in."),
        ("Thus\n\n    a = b * c", "Thus\n\n.. code-block:: text\n\n    a = b * c"),
        ("Book: sections 3.1 and 5.2.", "sections :ref:`3.1 <sec-3-1>` and :ref:`5.2 <sec-5-2>`."),
        ("Returns:\n    A pair: one\n        and `two`.", ":returns: A pair: one and ``two``."),
        ("Args:\n    a, b: numbers.", ":Parameters: **a, b** -- numbers."),
    ],
)
def test_docstrings_are_plain_text(plain, marked):
    assert marked in as_rst(plain)


def test_examples_stay_as_they_are():
    example = "    >>> x = a_ * `b`"
    assert example.strip() in as_rst(f"A `word`.\n\nExample:\n{example}")


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("ep", "epbook.ep"),
        ("ep()", "epbook.ep"),
        ("epbook.rivals.gibbs", "epbook.rivals.gibbs"),
        ("gibbs", "epbook.rivals.gibbs"),
        ("ClutterProblem.sample", "epbook.ClutterProblem.sample"),
        ("Result.mean", "epbook.Result.mean"),
        ("Result.status", None),  # a field has no entry of its own
        ("result.mean", None),
        ("x + ep", None),
    ],
)
def test_code_in_text_says_a_public_name_or_none(code, path):
    assert site_api_links.path_of(code) == path


def test_imports_tell_what_names_in_cells_mean():
    cells = [
        "from epbook import ep, rivals, Step as S\nfrom epbook.widgets import show\nfrom epbook.models.clutter import ClutterProblem",
        "import epbook\nimport numpy as np\nfrom epbook import Clutter, refine, Sum\nrefine = 1\ndef Sum(Clutter): return ep",
    ]
    names = site_api_links.imported([ast.parse(cell) for cell in cells])
    assert {name: path for name, path in names.items() if path.startswith("epbook")} == {
        "ep": "epbook.ep",
        "rivals": "epbook.rivals",
        "S": "epbook.Step",
        "show": "epbook.notebook.show",
        "ClutterProblem": "epbook.ClutterProblem",
        "epbook": "epbook",
    }


def test_names_in_cells_become_links():
    objects = {path: SimpleNamespace(docname="api", node_id=path) for path in ("epbook.ep", "epbook.rivals.gibbs", "epbook.Step")}
    name, dot = '<span class="n">{}</span>'.format, '<span class="o">.</span>'
    gibbs = dot.join(map(name, ["rivals", "gibbs", "other"]))
    keyword, member = name("ep") + '<span class="o">=</span>', dot.join(map(name, ["x", "ep"]))
    linked = site_api_links.with_links(f"{name('ep')} {gibbs} {keyword} {member}", {"ep": "epbook.ep", "rivals": "epbook.rivals"}, objects, "{}".format)
    start = '<a class="epbook-code" href="api#{}">'.format
    assert linked == (
        f"{start('epbook.ep')}{name('ep')}</a> {start('epbook.rivals.gibbs')}{dot.join(map(name, ['rivals', 'gibbs']))}</a>{dot}{name('other')} {keyword} {member}"
    )


def test_sources_are_linked_where_the_repository_has_an_address():
    options = {"repository_url": "https://github.com/ann/book", "repository_branch": "fast"}
    address = site_api.source_address(options, "epbook", "ClutterProblem.sample")
    file, first, last = re.fullmatch(r"https://github\.com/ann/book/blob/fast/(\S+)#L(\d+)-L(\d+)", address).groups()
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()[int(first) - 1 : int(last)]
    assert any("def sample(" in line for line in lines[:3])
    assert site_api.source_address(options, "epbook", "Result.mean").startswith("https://github.com/ann/book/blob/fast/epbook/result.py#L")
    assert site_api.source_address(options, "epbook.plot", "COLOURS") is None
    assert site_api.source_address({"repository_url": ""}, "epbook", "ep") is None
