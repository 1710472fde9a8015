"""What no page of a browser context may do: complain, breach its policy, ask another host. Every page is watched, the
tabs and windows that a case opens beside its first one too."""

# What asks nobody outside of this machine's check.
OWN = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "file:///")
# A breach may be one that is only reported and gives no line in the console.
NOTE_BREACHES = """
window.csp_breaches = [];
addEventListener("securitypolicyviolation", (e) => csp_breaches.push(e.violatedDirective + " " + e.blockedURI));
"""


class Watch:
    """Of one context, from before its first page on. `refusals`: codes that are provoked ("net": connections that fail);
    `hosts`: beginnings of the addresses that may be asked."""

    def __init__(self, context, refusals=(), hosts=OWN):
        self._context, self._refusals, self._hosts = context, tuple(refusals), tuple(hosts)
        self.complaints = []
        context.add_init_script(NOTE_BREACHES)
        context.on("console", self._heard)
        context.on("weberror", lambda thrown: self.complaints.append(f"exception{at(thrown.page)}: {thrown.error}"))
        context.on("request", lambda request: self._asked(request.url))
        # Sockets are no requests, and are told by their page alone.
        context.on("page", lambda page: page.on("websocket", lambda socket: self._asked(socket.url)))

    def _heard(self, message):
        # Chromium itself writes a line for each refused request; only expected codes are forgiven.
        expected = any(f"status of {code}" in message.text for code in self._refusals)
        gone = "net" in self._refusals and "net::ERR_" in message.text
        if message.type in ("error", "warning") and not (expected or gone):
            self.complaints.append(f"console {message.type}{at(message.page)}: {message.text}")

    def _asked(self, url):
        if not url.startswith(self._hosts):
            self.complaints.append(f"a request to another host: {url}")

    def judge(self):
        # The question to each page also lets in what it has told and nobody has read yet.
        for page in self._context.pages:
            self.complaints += [f"CSP{at(page)}: {breach}" for breach in page.evaluate("window.csp_breaches ?? []")]
        assert not self.complaints, "; ".join(self.complaints)


def at(page):
    """Which of several it was."""
    return f" on {page.url}" if page else ""
