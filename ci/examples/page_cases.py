"""The page of examples/browser in real Chromium, from a file server and from disk."""

import contextlib
import functools
import http.server
import json
import pathlib
import threading
import urllib.parse

from playwright.sync_api import expect

from browser.harness import PATIENCE_MS, case, wait
from examples.odd_server import LAST_WHOLE, TOLD, OddServer
from examples.source import SLUG

PAGE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "browser" / "index.html"
JUDGE = (pathlib.Path(__file__).parents[1] / "browser" / "judge.js").read_text(encoding="utf-8")
FIRST = {"A1": "available", "A2": "reserved", "Ü 3": "sold"}
# The client API of SLUG; set before the cases run.
SOURCE = None


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def file_server():
    """Any file server will do."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=PAGE.parent)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def address(slug, base):
    return f"/index.html?{urllib.parse.urlencode({'slug': slug, 'base': base})}"


def shows(page, units):
    """Waits until the page has exactly these units with these statuses."""
    script = """JSON.stringify(Object.fromEntries([...document.querySelectorAll('#units li')].map((it) =>
                  [it.textContent.slice(0, -it.dataset.status.length - 1), it.dataset.status]).sort())) === values.wanted"""
    wait(page, script, wanted=json.dumps(dict(sorted(units.items())), ensure_ascii=False, separators=(",", ":")))


def says(page, place, text):
    expect(page.locator(f"#{place}")).to_contain_text(text, timeout=PATIENCE_MS)


@case("page: the whole state, changes, staleness, and a service that is killed", refusals=("net",))
def follows(t):
    SOURCE.begin(t.world, FIRST)
    with file_server() as base:
        page = t.visit(address(SLUG, t.world.base), base=base)
        shows(page, FIRST)
        says(page, "freshness", "Live, as of")
        SOURCE.units = {"A1": "sold", "A4": "available", "Ü 3": "sold"}
        shows(page, SOURCE.units)
        expect(page.locator("#changes li")).to_have_text(["A2: reserved → gone", "A4: new → available", "A1: available → sold"])
        complaints = page.evaluate(JUDGE)
        assert not complaints, "\n".join(complaints)
        t.shot(page, "page")
        SOURCE.failing = True
        says(page, "freshness", "Stale")
        SOURCE.failing = False
        says(page, "freshness", "Live")
        t.world.kill_service()
        says(page, "connection", "Reconnecting")
        SOURCE.units = {"A1": "hidden", "Ü 3": "sold"}
        t.world.start_service()
        shows(page, SOURCE.units)
        says(page, "connection", "Connected")
        says(page, "freshness", "Live")


@case("page: an unknown project is the end, and so is one that is not published any more", refusals=(404,))
def ends(t):
    SOURCE.begin(t.world, FIRST)
    with file_server() as base:
        page = t.visit(address("no-such-project", t.world.base), base=base)
        says(page, "connection", "No such project: no-such-project.")
        page = t.visit(address(SLUG, t.world.base), base=base)
        shows(page, FIRST)
        t.world.publish(SLUG, False)
        says(page, "connection", "for good: project_inactive")


@case("page: an odd server is understood", refusals=(429, 503, "net"))
def odd(t):
    with file_server() as base, contextlib.closing(OddServer()) as server:
        # The spy reads frames itself, and knows no odd ones.
        page = t.visit(address("odd", server.base), base=base, spied=False)
        says(page, "connection", "for good: project_inactive")
        shows(page, LAST_WHOLE)
        told = [line.replace("->", "→") for line in TOLD if "->" in line]
        expect(page.locator("#changes li")).to_have_text(told[::-1])
        assert server.asked == server.ids_wanted, f"went on behind {server.asked}, not {server.ids_wanted}"


@case("page: opened from disk")
def from_disk(t):
    SOURCE.begin(t.world, FIRST)
    page = t.visit(address(SLUG, t.world.base), base=PAGE.parent.as_uri())
    shows(page, FIRST)
    SOURCE.units = FIRST | {"A1": "sold"}
    shows(page, SOURCE.units)
