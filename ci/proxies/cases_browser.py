"""One page in real Chromium, over TLS and HTTP/2: more streams than HTTP/1.1 has connections, and the console."""

import contextlib
import os

from playwright.sync_api import expect, sync_playwright

from browser.watch import Watch
from proxies.clients import ask
from proxies.world import LOGIN, QUIET, TOWER
from stage import PATIENCE_SECONDS

PATIENCE_MS = PATIENCE_SECONDS * 1000
# A browser has six connections to a host that speaks HTTP/1.1.
STREAMS = 8
OPEN = """(count) => {
  window.heard = Array.from({length: count}, () => ({}));
  for (const [number, units] of heard.entries()) {
    const source = new EventSource(`/api/public/harbour-tower/status/stream?n=${number}`);
    for (const name of ["status_update", "bulk_update"])
      source.addEventListener(name, (e) => Object.assign(units, JSON.parse(e.data).statuses ?? JSON.parse(e.data).updates));
  }
}"""


@contextlib.contextmanager
def page(front, refusals=()):
    """One that complains about nothing and asks nobody else."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=["--no-sandbox", "--disable-quic"])
        context = browser.new_context(ignore_https_errors=True, locale="en-GB")
        context.set_default_timeout(PATIENCE_MS)
        watch = Watch(context, refusals, hosts=(front.address,))
        yield context.new_page()
        watch.judge()
        browser.close()


def protocols(page):
    return set(page.evaluate("performance.getEntriesByType('resource').map((it) => it.nextHopProtocol)"))


def eight_streams_of_one_page_and_what_else_it_asks(world, front):
    with page(front) as reader:
        reader.goto(f"{front.address}/viewer/{TOWER}")
        reader.wait_for_selector(".unit")
        reader.evaluate(OPEN, STREAMS)
        filled = f"() => heard.every((units) => units.{QUIET})"
        reader.wait_for_function(filled, timeout=PATIENCE_MS)
        # With nine streams open (the viewer has one of its own) another request still has its turn.
        statuses = reader.evaluate(f"fetch('/api/public/{TOWER}/status').then((it) => it.json())")["statuses"]
        word = "reserved" if statuses[QUIET] == "sold" else "sold"
        world.set_unit(word)
        ask(front, "POST", f"/api/public/{TOWER}/status/refresh")
        told = "(values) => heard.every((units) => units[values.unit] === values.word)"
        reader.wait_for_function(told, arg={"unit": QUIET, "word": word}, timeout=PATIENCE_MS)
        assert protocols(reader) == {"h2"}, protocols(reader)
    return STREAMS


def the_console_signs_in_for_tls_alone_and_follows_a_run(world, front):
    # The form before anybody has signed in is told so by a 401.
    with page(front, refusals=(401,)) as operator:
        asked = []
        operator.on("request", lambda it: asked.append(it.url))
        operator.goto(f"{front.address}/console")
        operator.locator("#field-username").fill(LOGIN[0])
        operator.locator("#field-password").fill(LOGIN[1])
        operator.locator("form button").click()
        expect(operator.locator("#nav")).to_be_visible()
        (cookie,) = operator.context.cookies()
        assert (cookie["name"], cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == ("farol_session", True, True, "Strict")
        operator.get_by_role("button", name="Force a run").click()
        operator.get_by_label("Backfill", exact=False).check()
        operator.get_by_role("button", name="Yesterday").click()
        expect(operator.locator("#force-estimate")).to_contain_text("2 segments", timeout=PATIENCE_MS)
        operator.get_by_role("button", name="Start").click()
        operator.wait_for_url("**/console/runs/*", timeout=PATIENCE_MS)
        operator.wait_for_selector("#run-progress progress", timeout=PATIENCE_MS)
        expect(operator.locator("#run-state")).to_have_text("Success", timeout=4 * PATIENCE_MS)
        streams = [url for url in asked if url.startswith(f"{front.address}/api/sse/tasks?")]
        assert streams, asked
        assert protocols(operator) == {"h2"}, protocols(operator)
    return len(streams)
