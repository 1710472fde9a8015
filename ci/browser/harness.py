"""What every case gets: pages in real Chromium that are watched for errors, and words to wait with."""

import pathlib
import re
import traceback

from playwright.sync_api import Error, expect, sync_playwright

from browser.watch import OWN, Watch

PATIENCE_MS = 30_000
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()

# Notes every frame and every address of each EventSource.
SPY = """
window.frames_seen = []; window.streams_opened = [];
window.EventSource = class extends EventSource {
  constructor(address) {
    super(address);
    streams_opened.push(address);
    for (const name of ["connected", "status_update", "bulk_update", "state", "ping", "closed"])
      this.addEventListener(name, (e) => frames_seen.push({ name, id: e.lastEventId, data: JSON.parse(e.data) }));
  }
};
"""

# Words of a client that are written from right to left from where they stand; the second closes what would keep it apart first.
TURNING = ("Lot \u202e12", "\u2069\u202eLot 13")
BIDI = pathlib.Path(__file__).with_name("bidi.js").read_text(encoding="utf-8")

CASES = []


def case(title, *, service=None, refusals=(), hosts=()):
    """Registers a case. `service`: settings that it needs; `refusals`: what it provokes, and `hosts`: whom it asks beside
    our own, see `Watch`."""

    def register(run):
        CASES.append((title, run, service or {}, {"refusals": refusals, "hosts": OWN + tuple(hosts)}))
        return run

    return register


class Visit:
    """One reader: a browser context of its own, whose misbehaviour fails the case."""

    def __init__(self, browser, world, provoked, options, spied):
        self._world = world
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.watch = Watch(self.context, **provoked)
        self.page = self.context.new_page()
        if spied:
            self.page.add_init_script(SPY)

    def open(self, path, base=None):
        self.page.goto((base or self._world.base) + path)
        return self.page


class Case:
    """The world, and as many readers as the case wants."""

    def __init__(self, browser, world, provoked, shots):
        self._browser, self._provoked, self._shots = browser, provoked, shots
        self.world = world
        self.visits = []

    def visit(self, path, base=None, width=1280, height=900, clock=False, spied=True, **options):
        options = {"locale": "en-GB", "viewport": {"width": width, "height": height}} | options
        visit = Visit(self._browser, self.world, self._provoked, options, spied)
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
        for title, run, service, provoked in CASES:
            if only not in title:
                continue
            if run_one(Case(browser, world, provoked, shots), title, run, service):
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
            visit.watch.judge()
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
