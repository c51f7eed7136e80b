"""What came after the thesis builds on the core, and the core does not know of it."""

import ast
import subprocess
import sys
from pathlib import Path

import epbook

PACKAGE = Path(epbook.__file__).parent


def imported(path):
    """Dotted names, with their dots, of all imports in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def test_nothing_in_the_core_imports_it():
    core = [path for path in PACKAGE.rglob("*.py") if "beyond" not in path.relative_to(PACKAGE).parts]
    names = [(path.name, name) for path in core for name in imported(path)]
    assert len(core) > 40 and len(names) > 200
    assert not [pair for pair in names if "beyond" in pair[1].split(".")]


def test_importing_the_core_does_not_load_it():
    code = "import sys, epbook, epbook.rivals, epbook.models; print(any(m.startswith('epbook.beyond') for m in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert ran.stdout.strip() == "False"
