"""What the book's sources hold: labels to link to, and checks that a list may name."""

import ast
import json
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
LABELS = [r"^\(([\w-]+)\)=", r"\$\$ \(([\w-]+)\)", r"^:label: ([\w-]+)"]  # of sections, equations, boxes


@cache
def notebooks():
    """Every notebook of the book: its file, and its cells."""
    return {file: json.loads(file.read_text(encoding="utf-8"))["cells"] for file in sorted((ROOT / "book").glob("*.ipynb"))}


@cache
def pages():
    """Every page of the book: its file, and its text with that of all cells."""
    read = {file: file.read_text(encoding="utf-8") for file in sorted((ROOT / "book").rglob("*.md"))}
    return read | {file: "\n".join("".join(cell["source"]) for cell in cells) for file, cells in notebooks().items()}


@cache
def labels():
    """Every label that a link of the book can lead to; figures have theirs in the outputs."""
    written = {name for text in pages().values() for pattern in LABELS for name in re.findall(pattern, text, re.MULTILINE)}
    outputs = [output for cells in notebooks().values() for cell in cells for output in cell.get("outputs", ())]
    return written | {output["metadata"]["epbook"]["name"] for output in outputs if "epbook" in output.get("metadata", ())}


@cache
def tests_in(file):
    """The names of the tests in a file."""
    functions = [node.name for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
    return {name for name in functions if name.startswith("test_")}


def check_exists(check):
    """Fail unless a check is a test, a file of tests, or a notebook that asserts."""
    path, _, test = check.partition("::")
    file = ROOT / path
    assert file.is_file(), f"no file {path!r}"
    if file.suffix == ".ipynb":
        assert not test and re.search(r"^\s*assert ", pages()[file], re.MULTILINE), f"{check!r} asserts nothing"
    else:
        assert file.suffix == ".py", f"{check!r} is neither a test nor a notebook"
        assert tests_in(file) and (not test or test in tests_in(file)), f"no test {check!r}"
