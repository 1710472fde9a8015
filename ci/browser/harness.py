"""What every case gets: a page in real Chromium that is watched for errors, and words to wait with."""

import pathlib
import re
import traceback

from playwright.sync_api import Error, expect, sync_playwright

PATIENCE_MS = 30_000
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()

# Notes every frame and every address of each EventSource, and every breach of the CSP.
SPY = """
window.frames_seen = []; window.streams_opened = []; window.csp_breaches = [];
addEventListener("securitypolicyviolation", (e) => csp_breaches.push(e.violatedDirective + " " + e.blockedURI));
window.EventSource = class extends EventSource {
  constructor(address) {
    super(address);
    streams_opened.push(address);
    for (const name of ["connected", "status_update", "bulk_update", "state", "ping", "closed"])
      this.addEventListener(name, (e) => frames_seen.push({ name, id: e.lastEventId, data: JSON.parse(e.data) }));
  }
};
"""

CASES = []


def case(title, *, service=None, refusals=()):
    """Registers a case. `service`: settings that it needs; `refusals`: HTTP codes it provokes."""

    def register(run):
        CASES.append((title, run, service or {}, refusals))
        return run

    return register


class Visit:
    """One reader: a browser context of its own, whose misbehaviour fails the case."""

    def __init__(self, browser, world, refusals, options, spied):
        self._world = world
        self._refusals = tuple(refusals)
        self.complaints = []
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.context.new_page()
        if spied:
            self.page.add_init_script(SPY)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        self.page.on("request", self._requested)

    def _heard(self, message):
        # Chromium itself writes a line for each refused request; only expected codes are forgiven.
        expected = any(f"status of {code}" in message.text for code in self._refusals)
        gone = "net" in self._refusals and "net::ERR_" in message.text
        if message.type in ("error", "warning") and not (expected or gone):
            self.complaints.append(f"console {message.type}: {message.text}")

    def _requested(self, request):
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:", "file:///")):
            self.complaints.append(f"a request to another host: {request.url}")

    def open(self, path, base=None):
        self.page.goto((base or self._world.base) + path)
        return self.page

    def judge(self):
        self.complaints += [f"CSP: {breach}" for breach in self.page.evaluate("window.csp_breaches ?? []")]
        assert not self.complaints, "; ".join(self.complaints)


class Case:
    """The world, and as many readers as the case wants."""

    def __init__(self, browser, world, refusals, shots):
        self._browser, self._refusals, self._shots = browser, refusals, shots
        self.world = world
        self.visits = []

    def visit(self, path, base=None, width=1280, height=900, clock=False, spied=True, **options):
        options = {"locale": "en-GB", "viewport": {"width": width, "height": height}} | options
        visit = Visit(self._browser, self.world, self._refusals, options, spied)
        self.visits.append(visit)
        if clock:
            visit.page.clock.install()
        return visit.open(path, base)

    def viewer(self, slug, **options):
        """A viewer that has shown its first units."""
        page = self.visit(f"/viewer/{slug}", **options)
        page.wait_for_selector(".unit")
        return page

    def shot(self, page, name):
        page.screenshot(path=self._shots / f"{name}.png")


def unit(page, ref):
    return page.locator(".unit", has_text=ref).first


def expect_status(page, ref, status):
    """Waits until the unit shows that status, to the eye and to a screen reader."""
    expect(unit(page, ref)).to_have_class(words(f"is-{status}"), timeout=PATIENCE_MS)
    expect(unit(page, ref)).to_have_attribute("aria-label", f"{ref}, {status.capitalize()}")


def expect_state(page, text):
    expect(page.locator("#link-state")).to_contain_text(text, timeout=PATIENCE_MS)


def words(word):
    """Matches a class attribute that has this word among its words."""
    return re.compile(rf"(^|\s){re.escape(word)}(\s|$)")


def frames(page, name):
    return [frame for frame in page.evaluate("frames_seen") if frame["name"] == name]


def wait(page, condition, **values):
    """Waits until a JavaScript expression over `values` is true."""
    page.wait_for_function(f"(values) => {condition}", arg=values, timeout=PATIENCE_MS)


def run_all(world, chromium, shots, only=""):
    """Runs every case whose title holds `only`; returns how many passed and failed."""
    shots = pathlib.Path(shots)
    shots.mkdir(parents=True, exist_ok=True)
    passed = failed = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for title, run, service, refusals in CASES:
            if only not in title:
                continue
            if run_one(Case(browser, world, refusals, shots), title, run, service):
                passed += 1
            else:
                failed += 1
        browser.close()
    return passed, failed


def run_one(case_, title, run, service):
    try:
        case_.world.service(**service)
        run(case_)
        for visit in case_.visits:
            visit.judge()
    except (AssertionError, Error, OSError, KeyError, RuntimeError):
        print(f"FAILED  {title}\n{traceback.format_exc()}", flush=True)
        for number, visit in enumerate(case_.visits):
            case_.shot(visit.page, f"failed-{run.__name__}-{number}")
        return False
    finally:
        for visit in case_.visits:
            visit.context.close()
        case_.world.calm()
    print(f"ok      {title}", flush=True)
    return True
