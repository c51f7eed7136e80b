"""What came after the thesis, and what is there for speed and scale, builds on the core, which does not know of it."""

import ast
import subprocess
import sys
from pathlib import Path

import epbook

PACKAGE = Path(epbook.__file__).parent


BEYOND = {"beyond", "fast", "distributed"}


def imported(path):
    """Dotted names, with their dots, of all imports in a file but those that a function makes when it is called."""
    nodes = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while nodes:
        node = nodes.pop()
        if not isinstance(node, ast.FunctionDef):
            nodes.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def test_nothing_in_the_core_imports_it():
    core = [path for path in PACKAGE.rglob("*.py") if not BEYOND & set(path.relative_to(PACKAGE).with_suffix("").parts)]
    names = [(path.name, name) for path in core for name in imported(path)]
    assert len(core) > 40 and len(names) > 200
    assert not [pair for pair in names if BEYOND & set(pair[1].split("."))]


def test_importing_the_core_does_not_load_it():
    code = "import sys, epbook, epbook.rivals, epbook.models; print(*(m for m in sys.modules if m.startswith('epbook.')))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    loaded = ran.stdout.split()
    assert len(loaded) > 40 and not [name for name in loaded if BEYOND & set(name.split("."))]
