"""What the board shows and how it follows the stream, while nothing is broken."""

import re

from playwright.sync_api import expect

from harness import BIDI, PATIENCE_MS, TURNING, case, expect_state, expect_status, frames, unit, wait
from world import QUIET, TOWER


@case("snapshot: every unit once, in natural order, in rows by floor, with counts that add up")
def snapshot(t):
    page = t.viewer(TOWER)
    expect_state(page, "Live")
    expect(page.locator("h1")).to_have_text("Harbour Tower")
    refs = page.locator(".unit").all_text_contents()
    assert len(refs) == 200 and refs == sorted(refs), f"{len(refs)} units, first {refs[:12]}"
    assert page.locator(".floor").count() == 25
    assert page.locator(".floor-name").first.text_content() == "01"
    counts = [int(text) for text in page.locator(".legend-button b").all_text_contents()]
    assert sum(counts) == 200, counts
    shown = {status: page.locator(f".unit.is-{status}").count() for status in ("available", "sold")}
    assert shown["available"] + shown["sold"] > 100, shown
    expect(page.locator("#legend-total")).to_have_text("200 units")
    wait(page, r"/data \d+ s old/.test(document.getElementById('link-age').textContent)")
    for name in ("connected", "status_update"):
        assert len(frames(page, name)) == 1, f"{name} came {len(frames(page, name))} times"
    t.shot(page, "tower-1280-light")


@case("delta: the unit changes in place, flashes, is listed with its time and spoken")
def delta(t):
    page = t.viewer(TOWER)
    expect_status(page, QUIET, "unreleased")
    page.evaluate("ref => { window.node = [...document.querySelectorAll('.unit')].find(u => u.textContent === ref) }", QUIET)
    t.world.set_units(TOWER, {QUIET: "sold"})
    expect_status(page, QUIET, "sold")
    expect(unit(page, QUIET)).to_have_class(re.compile("changed-[ab]"))
    assert page.evaluate("ref => node.isConnected && node.textContent === ref", QUIET), "the node was replaced"
    line = page.locator("#latest li", has_text=QUIET)
    expect(line.first).to_contain_text("Unreleased → Sold")
    expect(line.first.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    wait(page, "/units changed|: \\w/.test(document.getElementById('announcer').textContent)")
    assert len(frames(page, "status_update")) == 1, "a change must not resend everything"
    t.shot(page, "changed-1280-light")


@case("delta: one change touches one unit of the board, however large it is")
def delta_is_small(t):
    t.world.fault("garden-court", kind="many_units", count=3000)
    page = t.viewer("garden-court")
    expect(page.locator("#legend-total")).to_have_text("3,000 units")
    assert page.locator(".unit").count() == 3000
    t.shot(page, "large-1280-light")
    page.evaluate(
        """() => {
          window.touched = new Set();
          new MutationObserver((records) => {
            for (const { target } of records) touched.add(target);
          }).observe(document.getElementById("sections"), { subtree: true, attributes: true, childList: true });
        }"""
    )
    before = len(frames(page, "bulk_update"))
    t.world.fault("garden-court", kind="many_units", count=3001)
    wait(page, f"document.querySelectorAll('.unit').length === 3001 && frames_seen.filter(f => f.name === 'bulk_update').length > {before}")
    assert page.evaluate("touched.size") <= 3, page.evaluate("touched.size")


@case("removed: units that vanish leave the board, the legend and the list tells")
def removed(t):
    page = t.viewer(TOWER)
    t.world.fault(TOWER, kind="vanishing", keep_percent=95)
    expect(page.locator("#legend-total")).to_have_text("190 units")
    assert page.locator(".unit").count() == 190
    expect(page.locator("#latest")).to_contain_text("removed")
    assert any(frame["data"].get("removed") for frame in frames(page, "bulk_update"))
    t.world.calm()
    expect(page.locator("#legend-total")).to_have_text("200 units")
    assert page.locator(".unit").all_text_contents()[-1] == "A2508"


@case("a unit's name is text, whatever it contains")
def names_are_text(t):
    name = "<img src=x onerror=alert(1)>"
    page = t.viewer("hillside-lofts")
    t.world.set_units("hillside-lofts", {name: "sold"})
    expect(unit(page, name)).to_have_text(name)
    assert page.locator("#sections img, #latest img").count() == 0


@case("a unit's name turns nothing but itself, whatever direction it is written in")
def names_turn_nothing(t):
    page = t.viewer("hillside-lofts")
    for name in TURNING:
        t.world.set_units("hillside-lofts", {name: "sold"})
        expect(page.locator("#latest b", has_text=name).first).to_be_visible(timeout=PATIENCE_MS)
        turned = page.evaluate(BIDI, TURNING)
        assert not turned, "\n".join(turned)
    t.shot(page, "turning-1280-light")


@case("freshness: the age ticks and pings renew it")
def age(t):
    page = t.viewer("garden-court")
    wait(page, "frames_seen.some(f => f.name === 'ping' || f.name === 'bulk_update')")
    wait(page, "/data [0-4] s old/.test(document.getElementById('link-age').textContent)")


@case("two languages: a reader from Brazil reads Portuguese")
def portuguese(t):
    page = t.viewer(TOWER, locale="pt-BR", width=360, height=800)
    expect_state(page, "Ao vivo")
    expect(page.locator(".legend-button").first).to_contain_text("Disponível")
    assert page.locator("html").get_attribute("lang") == "pt-BR"
    t.shot(page, "tower-360-portuguese")


@case("index: the published projects are listed with figures and lead to their viewers")
def index(t):
    page = t.visit("/")
    expect(page.locator(".card")).to_have_count(3)
    expect(page.locator(".card", has_text="Harbour Tower")).to_contain_text(re.compile(r"\d+ of 200 available"))
    t.shot(page, "index-1280-light")
    page.locator(".card", has_text="Harbour Tower").click()
    page.wait_for_selector(".unit")
    expect_state(page, "Live")
