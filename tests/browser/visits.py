"""One page in a browser that may not leave this machine."""


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
