"""What readers see while something is broken, and that everything comes back by itself."""

import re

from playwright.sync_api import expect

from harness import case, expect_state, expect_status, frames, wait
from proxy import Proxy
from world import QUIET, TOWER



@case("stale: the line says since when, the units stay, and it is live again after recovery")
def stale(t):
    page = t.viewer(TOWER)
    phone = t.viewer(TOWER, width=360, height=800, color_scheme="dark")
    expect_state(page, "Live")
    t.world.fault(TOWER, kind="status", code=500)
    for reader in (page, phone):
        expect_state(reader, "Stale since")
    assert re.search(r"Stale since \d\d:\d\d:\d\d", page.locator("#link-state").text_content())
    expect(page.locator("#link-why")).to_have_text("The source does not answer. You see what it said last.")
    assert page.locator(".unit").count() >= 200
    t.shot(page, "stale-1280-light")
    t.shot(phone, "stale-360-dark")
    t.world.calm()
    for reader in (page, phone):
        expect_state(reader, "Live")


@case("resume: after a cut the page asks from where it was and gets only what it missed", refusals=("net",))
def resume(t):
    proxy = Proxy(t.world.port)
    page = t.viewer(TOWER, base=f"http://127.0.0.1:{proxy.port}")
    expect_status(page, QUIET, "unreleased")
    wait(page, "frames_seen.some(f => f.id)")
    proxy.cut()
    expect_state(page, "Reconnecting")
    t.world.set_units(TOWER, {QUIET: "reserved"})
    expect_status(page, QUIET, "reserved")
    expect_state(page, "Live")
    assert len(frames(page, "connected")) == 2, "one stream before the cut, one after"
    assert len(frames(page, "status_update")) == 1, "a resumed stream must not send everything again"
    assert len(page.evaluate("streams_opened")) == 1, "EventSource comes back by itself"
    proxy.close()


@case("resume: a page that was away when the source failed hears of it at once, not at the next ping",
      service={"PING_SECONDS": "60"}, refusals=("net",))
def resume_into_stale(t):
    proxy = Proxy(t.world.port)
    page = t.viewer(TOWER, base=f"http://127.0.0.1:{proxy.port}")
    watcher = t.viewer(TOWER)
    expect_state(page, "Live")
    proxy.silence()
    proxy.cut()
    t.world.fault(TOWER, kind="status", code=500)
    expect_state(watcher, "Stale")
    proxy.resume()
    expect_state(page, "Stale")
    proxy.close()


@case("restart: the service dies, comes back on the same port, and the page is live again", refusals=("net",))
def restart(t):
    page = t.viewer(TOWER)
    expect_state(page, "Live")
    t.world.kill_service()
    expect_state(page, "Reconnecting")
    assert page.locator(".unit").count() >= 200, "what was received stays in sight"
    t.shot(page, "reconnecting-1280-light")
    t.world.set_units(TOWER, {QUIET: "sold"})
    t.world.start_service()
    expect_state(page, "Live")
    expect_status(page, QUIET, "sold")


@case("drain: told to go, the page comes back to the next process", refusals=("net",))
def drain(t):
    page = t.viewer(TOWER)
    expect_state(page, "Live")
    t.world.drain_service()
    wait(page, "frames_seen.some(f => f.name === 'closed' && f.data.reason === 'draining')")
    expect_state(page, "Reconnecting")
    t.world.start_service()
    expect_state(page, "Live")


@case("503: while the service is full the page shows what a GET says, and streams when there is room",
      service={"MAX_STREAMS": "1"}, refusals=(503,))
def full(t):
    survive_refusal(t, "full")


@case("429: too many streams of one address are survived likewise",
      service={"MAX_STREAMS_PER_IP": "1"}, refusals=(429,))
def too_many(t):
    survive_refusal(t, "too-many")


def survive_refusal(t, name):
    with t.world.hold_stream(TOWER):
        page = t.visit(f"/viewer/{TOWER}")
        expect_state(page, "Reconnecting")
        expect(page.locator("#link-why")).to_contain_text(re.compile(r"Next try in \d+ s"))
        page.wait_for_selector(".unit")
        t.shot(page, f"refused-{name}-1280-light")
    expect_state(page, "Live")
    opened = page.evaluate("streams_opened")
    assert len(opened) >= 2 and re.search(r"\?last_event_id=[^&]+-\d+$", opened[-1]), opened


@case("silence: a connection that died without a word is replaced", refusals=("net",))
def silence(t):
    proxy = Proxy(t.world.port)
    page = t.viewer(TOWER, base=f"http://127.0.0.1:{proxy.port}", clock=True)
    expect_state(page, "Live")
    proxy.silence()
    page.clock.fast_forward("02:00")
    wait(page, "streams_opened.length >= 2")
    expect_state(page, "Reconnecting")
    proxy.resume()
    expect_state(page, "Live")
    proxy.close()


@case("unknown project: a friendly page, and no further requests", refusals=(404,))
def unknown(t):
    page = t.visit("/viewer/no-such-project")
    expect(page.locator(".ending h2")).to_have_text("We cannot find this project")
    expect(page.locator(".ending h2")).to_be_focused()
    assert page.evaluate("streams_opened.length") == 1
    t.shot(page, "not-found-1280-light")


@case("deactivated project: the page says so and stops", refusals=(404,))
def deactivated(t):
    page = t.viewer("hillside-lofts")
    t.world.publish("hillside-lofts", False)
    expect(page.locator(".ending h2")).to_have_text("This project is no longer published", timeout=60_000)
    assert page.locator(".unit").count() == 0
    t.shot(page, "deactivated-1280-light")
