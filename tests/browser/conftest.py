"""The built book, served locally, and a browser that may not leave this machine."""

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from visits import Visit

from tools import browser as system_browser

ROOT = Path(__file__).parents[2]
BUILD = re.search(r"^book:.*\n\t\$\(BIN\)/(jupyter-book .*)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
PATIENCE = 1800  # seconds for the build, which executes every notebook


@pytest.fixture(scope="session")
def build(tmp_path_factory):
    """The exit status and the log of building the book, which of several test processes the first to ask does for all."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    result = shared / "build.json"
    try:
        (shared / "build").mkdir()
    except FileExistsError:
        _wait_for(result)
    else:
        (shared / "build" / result.name).write_text(json.dumps(_build()), encoding="utf-8")
        (shared / "build" / result.name).rename(result)  # whole, or not there
    return json.loads(result.read_text(encoding="utf-8"))


def _build():
    """Builds the book as `make book` does."""
    command = [shutil.which(BUILD[0], path=str(Path(sys.executable).parent)), *BUILD[1:]]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8")
    return done.returncode, done.stdout


def _wait_for(result):
    """Returns when another process has built the book."""
    deadline = time.monotonic() + PATIENCE
    while not result.exists():
        if time.monotonic() > deadline:
            pytest.fail(f"the process that builds the book is not ready after {PATIENCE} s", pytrace=False)
        time.sleep(0.5)


@pytest.fixture(scope="session")
def built(build):
    """The folder of the freshly built book."""
    if build[0] != 0:
        pytest.fail("the book does not build: see test_the_book_builds_without_a_warning", pytrace=False)
    return ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def site(built):
    """The address of the built book on this machine."""
    handler = functools.partial(QuietHandler, directory=str(built))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves without a line on the terminal for each file."""

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def chromium():
    """One browser for all tests."""
    path = system_browser.find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=system_browser.arguments())
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Opens addresses, each in a `Visit`; at the end of the test none may have met a problem."""
    visits = []

    def open_(address, **options):
        visits.append(Visit(chromium, address, **options))
        return visits[-1]

    yield open_
    for one in visits:
        one.context.close()
    assert [problem for one in visits for problem in one.problems] == []
