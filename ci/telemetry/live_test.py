"""Tests the live page in real Chromium against the real service: what a reader sees, and what becomes of the token.

Run by `cargo xtask ci` as `python ci/telemetry/live_test.py [part of a title]` with FAROL_BIN_DIR, DATABASE_URL (an
owner who may create databases) and CHROMIUM. Screenshots and logs go to target/screenshots/telemetry/.
"""

import math
import os
import pathlib
import re
import signal
import sys

from playwright.sync_api import expect

from browser.harness import BIDI, PATIENCE_MS, TURNING, case, expect_state, run_all, wait
from world import World, token

TENANT = "tenant-a"
JUDGE = (pathlib.Path(__file__).parents[1] / "browser" / "judge.js").read_text(encoding="utf-8")
DAMAGE = "<img src=x onerror=\"window.hurt = 1\">"


def furnish(world, devices=3, readings=40):
    """A tenant with devices that have a past, and one alert of each grade; another tenant with the same names."""
    for number in range(1, devices + 1):
        name = f"dev-{number:04}"
        status = ("ONLINE", "STALE", "OFFLINE")[(number - 1) % 3]
        world.device(TENANT, name, site=f"site-{number % 2 + 1}", status=status)
        world.device("tenant-b", name)
        world.reading("tenant-b", name, {"temperature_c": -99, "whose": "theirs"})
        for step in range(readings):
            wave = round(20 + number + 3 * math.sin(step / 5 + number), 2)
            metrics = {"temperature_c": wave, "battery_v": 3.7, "door_open": False, "mode": "eco", "count": step}
            world.reading(TENANT, name, metrics, seconds_ago=5 * (readings - step))
    for severity, summary in enumerate(("a phase is low", "door is open", "battery is low", "it is too hot"), start=1):
        world.open_alert(TENANT, "dev-0001", f"dev-0001: {summary}", severity)
    world.open_alert("tenant-b", "dev-0001", "theirs")


def enter(t, bearer=None, **options):
    """A reader with a token in the address, who is shown live data."""
    page = t.visit(f"/live#token={bearer or token(TENANT)}", **options)
    expect_state(page, "Live")
    return page


def metric(page, device, name):
    return page.locator(f'.device[data-device="{device}"] .metric', has_text=name)


def expect_value(page, device, name, text):
    expect(metric(page, device, name).locator(".value")).to_have_text(text, timeout=PATIENCE_MS)


def judge(page):
    complaints = page.evaluate(JUDGE)
    assert not complaints, "\n".join(complaints)
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0, f"{overflow} px too wide"


@case("live: every device with its past, and each new reading as it comes")
def values(t):
    furnish(t.world)
    page = enter(t)
    expect(page.locator(".device")).to_have_count(3)
    expect(page.locator("#devices-count")).to_have_text("3")
    expect_value(page, "dev-0001", "count", "39")
    expect(metric(page, "dev-0001", "temperature_c").locator("svg")).to_have_attribute("aria-label", _words("last 40 readings"))
    for value in ("51", "52", "53.25"):
        t.world.reading(TENANT, "dev-0001", {"temperature_c": float(value), "mode": f"m{value}", "count": 40})
        expect_value(page, "dev-0001", "temperature_c", value)
        expect_value(page, "dev-0001", "mode", f"m{value}")
    expect(metric(page, "dev-0001", "temperature_c").locator("svg")).to_have_attribute("aria-label", _words("last 43 readings"))
    # What the newest reading does not name must not look new.
    expect(metric(page, "dev-0001", "battery_v")).to_have_class(_words("is-past"))
    assert "theirs" not in page.content() and "-99" not in page.content(), "another tenant's data"


@case("live: an alert opens, gets worse and closes before the reader's eyes and ears")
def alerts(t):
    furnish(t.world)
    page = enter(t)
    expect(page.locator(".grade-name")).to_have_text(["Critical 1", "High 1", "Medium 1", "Low 1"])
    number = t.world.open_alert(TENANT, "dev-0002", "a new one", severity=2)
    entry = page.locator(f'.alert[data-alert="{number}"]')
    expect(page.locator(".is-medium").locator(entry)).to_contain_text("a new one")
    expect(page.locator("#announcer")).to_have_text("Alert opened: a new one")
    t.world.change_alert(number, severity=5)
    expect(page.locator(".is-critical .alert").first).to_contain_text("a new one")
    t.world.close_alert(number)
    expect(entry).to_have_count(0, timeout=PATIENCE_MS)
    expect(page.locator("#announcer")).to_have_text("Alert closed: a new one")
    expect(page.locator("#alerts-count")).to_have_text("4")
    t.world.query("UPDATE fleet_alert SET status = 'CLOSED'")
    expect(page.locator("#alerts-empty")).to_contain_text("None.", timeout=PATIENCE_MS)


@case("safe: what devices and alerts say is text, whatever it looks like")
def text(t):
    t.world.device(TENANT, "dev-0001", site=DAMAGE)
    t.world.open_alert(TENANT, DAMAGE, DAMAGE, severity=4)
    page = enter(t)
    t.world.reading(TENANT, "dev-0001", {DAMAGE: DAMAGE, "list": [DAMAGE], "__proto__": 1, "nothing": ""})
    expect(page.locator(".device .value", has_text="onerror").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".alert-what")).to_have_text(DAMAGE)
    assert page.locator("main img").count() == 0 and page.evaluate("window.hurt") is None


@case("safe: what devices and alerts say turns nothing but itself, whatever direction it is written in")
def direction(t):
    for number, name in enumerate(TURNING):
        t.world.device(TENANT, f"dev-{number}", site=name)
        t.world.open_alert(TENANT, name, name, severity=4)
    page = enter(t)
    for number, name in enumerate(TURNING):
        t.world.reading(TENANT, f"dev-{number}", {name: name, "list": 1})
    expect(page.locator(".device .value", has_text=TURNING[1]).first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".device-when bdi")).to_have_count(2)
    expect(page.locator(".alert-what")).to_have_count(2)
    turned = page.evaluate(BIDI, TURNING)
    assert not turned, "\n".join(turned)


@case("honest: stale while Postgres is away, nothing pretended, and live again", refusals=(503,))
def stale(t):
    furnish(t.world)
    page = enter(t)
    expect_value(page, "dev-0001", "count", "39")
    expect(page.locator(".alert")).to_have_count(4)
    t.world.database.away()
    expect_state(page, "Stale since")
    expect(page.locator("#link")).to_have_attribute("data-tone", "stale")
    expect(page.locator(".alert")).to_have_count(4)
    expect_value(page, "dev-0001", "count", "39")
    judge(page)
    t.shot(page, "stale-1280-light")
    t.world.reading(TENANT, "dev-0001", {"count": 77})
    t.world.database.back()
    expect_state(page, "Live")
    expect_value(page, "dev-0001", "count", "77")


@case("honest: the service restarts, and the reader's page comes back by itself", refusals=("net", 503))
def restart(t):
    furnish(t.world)
    page = enter(t)
    for sign in (signal.SIGTERM, signal.SIGKILL):
        code = t.world.end_service(sign)
        assert code == (0 if sign == signal.SIGTERM else -9), code
        expect_state(page, "Reconnecting")
        t.world.reading(TENANT, "dev-0001", {"count": 100 + int(sign)})
        judge(page)
        t.shot(page, f"reconnecting-{sign.name.lower()}-1280-light")
        t.world.service()
        expect_state(page, "Live")
        expect_value(page, "dev-0001", "count", str(100 + int(sign)))


@case("many: five hundred devices, and more alerts than are shown, which the page says")
def many(t):
    t.world.query(
        """INSERT INTO device_state (tenant_id, device_id)
               SELECT %s, 'dev-' || lpad(n::text, 4, '0') FROM generate_series(1, 520) AS n""", TENANT)
    t.world.query(
        """INSERT INTO telemetry (time, tenant_id, device_id, metrics)
               SELECT now() - k * interval '5 s', %s, 'dev-' || lpad(n::text, 4, '0'), jsonb_build_object('t', n + k)
                 FROM generate_series(1, 520) AS n, generate_series(1, 10) AS k""", TENANT)
    for number in range(130):
        t.world.open_alert(TENANT, "dev-0001", f"alert {number}", severity=number % 5 + 1)
    page = enter(t)
    expect(page.locator(".device")).to_have_count(500)
    expect(page.locator("#devices-more")).to_have_text("These are the first 500 devices.")
    expect(page.locator("#alerts-count")).to_have_text("The newest 100 of 130")
    expect_value(page, "dev-0001", "t", "2")
    t.world.reading(TENANT, "dev-0500", {"t": 7777})
    page.locator('.device[data-device="dev-0500"]').scroll_into_view_if_needed()
    expect_value(page, "dev-0500", "t", "7,777")
    expect(metric(page, "dev-0500", "t").locator("svg")).to_have_attribute("aria-label", _words("last 11 readings"))
    judge(page)


@case("limit: a tenant that has asked too often still sees everything live", refusals=(429,))
def limited(t):
    t.world.service(TENANT_REQUESTS_PER_MINUTE="2")
    furnish(t.world)
    page = enter(t)
    expect(page.locator(".device")).to_have_count(3)
    for number in range(1, 4):
        expect_value(page, f"dev-{number:04}", "count", "39")
    t.world.reading(TENANT, "dev-0003", {"count": 40})
    expect_value(page, "dev-0003", "count", "40")
    expect_state(page, "Live")


@case("token: the end is told before and after, and a new token goes on", refusals=(401,))
def expiry(t):
    furnish(t.world)
    page = enter(t, token(TENANT, seconds=6))
    expect(page.locator("#key-told")).to_contain_text("Give a new one")
    expect_state(page, "Token expired")
    expect(page.locator("#key-field")).to_be_focused()
    judge(page)
    t.shot(page, "expired-1280-light")
    give(page, token(TENANT))
    expect_state(page, "Live")
    expect(page.locator("#key")).not_to_have_attribute("open", "")
    t.world.reading(TENANT, "dev-0001", {"count": 5})
    expect_value(page, "dev-0001", "count", "5")


@case("token: renewed in place, and a bad new one takes nothing away")
def renewal(t):
    furnish(t.world)
    page = enter(t, token(TENANT, seconds=20))
    sockets = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    expect(page.locator("#key-told")).to_contain_text("Your token ends at")
    give(page, token(TENANT, secret="another-secret-that-is-long-enough"))
    expect(page.locator("#key-told")).to_contain_text("not accepted")
    expect_state(page, "Live")
    give(page, token(TENANT))
    expect(page.locator("#key-told")).to_contain_text("Renewed")
    expect_state(page, "Live")
    assert sockets == [], "the socket was opened anew"


@case("token: of another tenant, refused, not allowed, none at all", refusals=(401, 403))
def others(t):
    furnish(t.world)
    page = enter(t)
    page.locator("#key-summary").click()
    give(page, token("tenant-b"))
    expect(page.locator("#title")).to_have_text("tenant-b")
    expect_value(page, "dev-0001", "whose", "theirs")
    expect(page.locator(".alert")).to_have_count(1)
    for bearer, state in ((token(TENANT, role="operator"), "Not allowed"), ("garbage", "Token not accepted")):
        page = t.visit(f"/live#token={bearer}")
        expect_state(page, state)
        expect(page.locator("#key-field")).to_be_focused()
    page = t.visit("/live", width=360, height=800)
    expect_state(page, "No token")
    judge(page)
    t.shot(page, "no-token-360-light")
    give(page, "Bearer " + token(TENANT))
    expect_state(page, "Live")
    page.locator("#key-summary").click()
    page.locator("#key-forget").click()
    expect_state(page, "No token")
    expect(page.locator(".device")).to_have_count(0)
    assert page.evaluate("sessionStorage.length") == 0


@case("token: in no address, no history and no lasting storage; kept over a reload of the tab")
def secrecy(t):
    furnish(t.world)
    bearer = token(TENANT)
    page = t.visit("/live")
    addresses = []
    page.on("request", lambda request: addresses.append(request.url))
    page.on("websocket", lambda socket: addresses.append(socket.url))
    page.goto(f"{t.world.base}/live?x=1#token={bearer}")
    page.reload()
    expect_state(page, "Live")
    assert page.url == f"{t.world.base}/live?x=1", page.url
    sockets = [url for url in addresses if url.startswith("ws:")]
    assert sockets and all("ticket=" in url for url in sockets), sockets
    told = [url for url in addresses if bearer.split(".")[1] in url and "#" not in url]
    assert not told, told
    kept = page.evaluate("[Object.values(sessionStorage), Object.values(localStorage), document.cookie, document.title]")
    assert kept == [[bearer], [], "", f"{TENANT} · Farol"], kept
    page.reload()
    expect_state(page, "Live")


@case("keyboard: the first Tab offers to skip to the devices; the token's field is reached and left")
def keyboard(t):
    furnish(t.world)
    page = enter(t)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the devices"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "key-summary"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "key-field"
    page.keyboard.insert_text(token(TENANT))
    page.keyboard.press("Enter")
    expect(page.locator("#key-told")).to_contain_text("Renewed")


for scheme in ("light", "dark"):
    for width in (360, 1280):

        @case(f"accessible: names, roles, contrast and width, {scheme}, {width} px")
        def accessible(t, scheme=scheme, width=width):
            furnish(t.world, devices=10)
            page = enter(t, width=width, height=800, color_scheme=scheme)
            expect_value(page, "dev-0001", "count", "39")
            judge(page)
            t.shot(page, f"live-{width}-{scheme}")
            page.locator('.device[data-device="dev-0002"]').scroll_into_view_if_needed()
            expect(metric(page, "dev-0002", "temperature_c").locator("svg")).to_be_visible()
            judge(page)
            t.shot(page, f"devices-{width}-{scheme}")


@case("reduced motion: a change moves and flashes nothing")
def reduced_motion(t):
    furnish(t.world, readings=2)
    page = enter(t, reduced_motion="reduce")
    expect_value(page, "dev-0001", "count", "1")
    t.world.reading(TENANT, "dev-0001", {"count": 2})
    expect_value(page, "dev-0001", "count", "2")
    assert page.evaluate("document.getAnimations().length") == 0


@case("language: a Portuguese reader reads Portuguese")
def portuguese(t):
    furnish(t.world)
    page = t.visit(f"/live#token={token(TENANT)}", locale="pt-BR")
    expect_state(page, "Ao vivo")
    expect(page.locator("#alerts-title")).to_contain_text("Alertas abertos")
    expect(page.locator("html")).to_have_attribute("lang", "pt-BR")
    wait(page, "document.querySelectorAll('.grade-name').length === 4")


def give(page, bearer):
    page.locator("#key-field").fill(bearer)
    page.locator("#key-field").press("Enter")


def _words(text):
    return re.compile(re.escape(text))


def main():
    shots = pathlib.Path(__file__).resolve().parents[2] / "target" / "screenshots" / "telemetry"
    shots.mkdir(parents=True, exist_ok=True)
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    with World(shots) as world:
        passed, failed = run_all(world, os.environ.get("CHROMIUM", "/usr/bin/chromium"), shots, only)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
