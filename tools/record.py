"""Keeps what a whole run of the tests counted in _build/tests.json, for the page that tells how the book was made."""

import json
import re
import subprocess
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "_build" / "tests.json"
KINDS = {  # of tests, by the beginning of their names
    "built pages and JupyterLab": r"tests/browser/",
    "cells of notebooks": r"book/[^:]*\.ipynb::",
    "tests of the library and of the project": r"tests/",
    "examples in docstrings and guides": r"",
}


def kind(name):
    """What sort of test bears this name."""
    return next(words for words, start in KINDS.items() if re.match(start, name))


def commit():
    """The present commit in short, marked where files differ from it; empty without git."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def write(names, failed=None):
    """Stores how many tests of each kind there are, and how many of them failed; None while they run."""
    counts = Counter(map(kind, names))
    about = {"commit": commit(), "date": datetime.now(UTC).date().isoformat(), "failed": failed}
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(about | {"counts": {words: counts[words] for words in KINDS}}, indent=1) + "\n", encoding="utf-8")


class Recorder:
    """Writes the record when all tests are known and again when they have run, if nobody chose among them."""

    def __init__(self, config):
        chosen = config.option.keyword or config.option.markexpr or getattr(config.option, "lf", False)
        self.whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not chosen
        self.names, self.failed = set(), set()

    def pytest_collection_finish(self, session):
        self._found([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids):
        self._found(ids)

    def _found(self, names):
        if names and self.whole and not self.names:
            self.names = set(names)
            write(self.names)

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self, session, exitstatus):
        if self.names and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            write(self.names, len(self.failed))
