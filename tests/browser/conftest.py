"""The built book, served locally, and a browser that may not leave this machine."""

import functools
import http.server
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tools import browser as system_browser

ROOT = Path(__file__).parents[2]
BUILD = re.search(r"^book:.*\n\t\$\(BIN\)/(jupyter-book .*)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()


@pytest.fixture(scope="session")
def build():
    """The exit status and the log of building the book."""
    command = [shutil.which(BUILD[0], path=str(Path(sys.executable).parent)), *BUILD[1:]]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8")
    return done.returncode, done.stdout


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


class Visit:
    """A page, what it asked for, and what went wrong on it."""

    LOCAL = ("http://127.0.0.1:", "ws://127.0.0.1:", "file:", "data:", "blob:")

    def __init__(self, chromium, address, watch_console=True, **options):
        self.problems, self.addresses = [], []
        self.context = chromium.new_context(**options)
        self.context.route("**/*", self._only_local)
        self.page = self.context.new_page()
        self.page.on("websocket", self._websocket)  # which no route sees
        if watch_console:
            self.page.on("console", self._console)
            self.page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
            self.page.on("requestfailed", self._failed)
            self.page.on("response", self._response)
        self.page.goto(address, wait_until="load")

    def typeset(self):
        """Waits until the mathematics stands."""
        self.page.wait_for_function("() => !document.querySelector('.math') || (window.MathJax?.startup?.promise)")
        self.page.evaluate("() => window.MathJax?.startup?.promise?.then(() => null)")
        return self

    def _only_local(self, route):
        url = route.request.url
        self.addresses.append(url)
        if url.startswith(self.LOCAL):
            route.continue_()
        else:
            self.problems.append(f"asked another host: {url}")
            route.abort()

    def _websocket(self, socket):
        if not socket.url.startswith(self.LOCAL):
            self.problems.append(f"asked another host: {socket.url}")

    def _failed(self, request):
        if request.failure != "net::ERR_ABORTED":  # so ends what the test's own reload cancels
            self.problems.append(f"failed: {request.url} {request.failure}")

    def _console(self, message):
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def _response(self, response):
        if response.status >= 400:
            self.problems.append(f"{response.status}: {response.url}")
