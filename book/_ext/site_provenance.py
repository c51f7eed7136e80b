"""How this copy of the book was made: commit, versions and tests, asked of the machine that builds it."""

import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import epbook
from epbook import concordance, errata
from tools import record

PACKAGES = ["numpy", "scipy", "matplotlib", "scikit-learn", "jupyter-book", "Sphinx", "myst-nb"]


class Provenance(SphinxDirective):
    """`{provenance} copy`, `{provenance} tests` or `{provenance} contents`: a table of what is so now."""

    required_arguments = 1

    def run(self):
        self.env.note_reread()
        rows = {"copy": copy, "tests": tests, "contents": contents}[self.arguments[0]]()
        if isinstance(rows, str):
            return self.parse_text_to_nodes(rows)
        lines = ["| what | in this copy |", "|---|---|", *(f"| {what} | {value} |" for what, value in rows)]
        return [nodes.container("", *self.parse_text_to_nodes("\n".join(lines)), classes=["epbook-provenance"])]


def built_on():
    """Today, or the day that SOURCE_DATE_EPOCH names for builds that should repeat to the letter."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return now.date().isoformat()


def copy():
    yield "built on", built_on()
    yield "commit", f"`{record.commit()}`" if record.commit() else "unknown: this copy has no git history"
    yield "epbook", epbook.__version__
    yield "Python", sys.version.split()[0]
    yield from ((package, version(package)) for package in PACKAGES)
    yield "system", f"{platform.system()}, {platform.machine()}, {os.cpu_count()} processors"


def tests():
    """The last whole run of the tests, or the command that makes one."""
    if not record.FILE.exists():
        return (
            "In this copy no whole run of the tests is on record: `make test` makes one, and the next `make book` shows it here."
        )
    about = json.loads(record.FILE.read_text(encoding="utf-8"))
    ended = {None: "still running when this page was built: the build of the book is one of them", 0: "all passed"}
    rows = list(about["counts"].items())
    rows += [
        ("**all**", f"**{sum(about['counts'].values())}**"),
        ("run on", about["date"]),
        ("at commit", f"`{about['commit']}`"),
    ]
    return [*rows, ("ended", ended.get(about["failed"], f"{about['failed']} failed"))]


def contents():
    rows = concordance.rows()
    verdicts = [row.judged for row in rows]
    yield "rows of the concordance", len(rows)
    yield from (
        (f"of these {verdict}", verdicts.count(verdict)) for verdict in sorted(set(verdicts), key=verdicts.count, reverse=True)
    )
    yield "errata of the thesis", len(errata.errata())


def setup(app):
    app.add_directive("provenance", Provenance)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
