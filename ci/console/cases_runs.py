"""Runs: forced, watched, cancelled, retried and understood from the console alone; dead letters."""

import os

import pika
from playwright.sync_api import expect

from browser.harness import PATIENCE_MS, case, wait
from stage import PATIENCE_SECONDS, wait_until
from steps import Person, shown, signed_in

A_WHILE_MS = 4 * PATIENCE_MS


def opened(page):
    """The force form, for a backfill of yesterday."""
    person = Person(page)
    person.press("Force a run")
    page.get_by_label("Backfill", exact=False).check()
    person.press("Yesterday")
    expect(page.locator("#force-estimate")).to_contain_text("15 segments", timeout=PATIENCE_MS)
    return person


def number_of(page):
    """Of the run whose page is shown."""
    page.wait_for_url("**/console/runs/*", timeout=PATIENCE_MS)
    return int(page.url.rsplit("/", 1)[1])


def state(page, text):
    expect(page.locator("#run-state")).to_have_text(text, timeout=A_WHILE_MS)


@case("runs: a backfill is estimated, forced, and watched to its end")
def backfill(t):
    page = signed_in(t)
    shown(page, "Runs")
    person = opened(page)
    t.shot(page, "force-form")
    person.press("Start")
    run = number_of(page)
    page.wait_for_selector("#run-progress progress", timeout=PATIENCE_MS)
    t.shot(page, "run-live")
    # The list follows the same run.
    watcher = page.context.new_page()
    watcher.goto(f"{t.world.base}/console/runs")
    expect(watcher.locator(f"#run-{run}")).to_be_visible(timeout=PATIENCE_MS)
    state(page, "Success")
    expect(watcher.locator(f"#run-{run}")).to_contain_text("Success", timeout=PATIENCE_MS)
    expect(page.locator("#run-sentence")).to_contain_text("16 of 16 segments are complete")
    t.shot(page, "run-success")
    watcher.screenshot(path=t._shots / "runs.png", full_page=True)
    assert t.world.finished(run) == "success"
    # What was read shows in the calendar.
    page.goto(f"{t.world.base}/console/coverage")
    expect(page.locator("#legend-complete")).to_contain_text("15", timeout=PATIENCE_MS)
    t.shot(page, "coverage")
    page.goto(f"{t.world.base}/console/dashboard")
    expect(page.locator("#figure-success")).to_contain_text("100", timeout=PATIENCE_MS)
    page.wait_for_selector("canvas")
    t.shot(page, "dashboard")


@case("runs: one that is in the way is shown, and may be waited for; a run is cancelled", refusals=(409,))
def overlap(t):
    t.world.portal("POST", "faults", {"fault": {"kind": "slow", "ms": 1500}})
    page = signed_in(t)
    opened(page).press("Start")
    first = number_of(page)
    page.goto(f"{t.world.base}/console/runs")
    person = opened(page)
    expect(page.locator("#force-blocked")).to_contain_text(str(first), timeout=PATIENCE_MS)
    t.shot(page, "force-blocked")
    page.locator("#overlap-wait").click()
    page.wait_for_function("number => location.pathname !== `/console/runs/${number}` && /runs\\/\\d+$/.test(location.pathname)", arg=first)
    second = number_of(page)
    assert second > first
    state(page, "Queued")
    page.goto(f"{t.world.base}/console/runs/{first}")
    page.locator("#run-cancel").click()
    t.shot(page, "cancel")
    page.locator('dialog button[value="yes"]').click()
    state(page, "Cancelled")
    t.shot(page, "run-cancelled")
    t.world.portal("DELETE", "faults")
    page.goto(f"{t.world.base}/console/runs/{second}")
    state(page, "Success")
    assert person.actions


@case("runs: one that ended incomplete says what is missing, and is retried for just that")
def retry(t):
    t.world.portal("POST", "faults", {"modalidade": 8, "fault": {"kind": "status", "code": 422}})
    page = signed_in(t)
    opened(page).press("Start")
    run = number_of(page)
    state(page, "Incomplete")
    expect(page.locator("#run-sentence")).to_contain_text("15 of 16 segments are complete")
    expect(page.locator("#run-segments")).to_contain_text("Dispensa")
    t.shot(page, "run-incomplete")
    t.world.portal("DELETE", "faults")
    page.locator("#run-retry").click()
    page.wait_for_function("number => location.pathname !== `/console/runs/${number}` && /runs\\/\\d+$/.test(location.pathname)", arg=run)
    again = number_of(page)
    state(page, "Success")
    detail = t.world.api("GET", f"/sync/executions/{again}")
    read = [it["modalidade"] for it in detail["segments"] if it["endpoint"] == "publicacao"]
    assert (detail["parent_id"], read) == (run, [8]), detail
    expect(page.locator("#run-facts")).to_contain_text(str(run))


@case("runs: a run that waits for a worker that is not there is told as it is, and goes on when there is one")
def nobody(t):
    t.world.stop_ingestor()
    page = signed_in(t)
    opened(page).press("Start")
    run = number_of(page)
    state(page, "Queued")
    t.shot(page, "run-queued")
    t.world.ingestor()
    state(page, "Success")
    assert t.world.finished(run) == "success"


@case("system: every service is shown as it is, and dead letters are read, sent again and dropped")
def system(t):
    broker = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))
    for body in (b"<script>alert(1)</script>", b'{"v": 99}'):
        broker.channel().basic_publish("", t.world.queue, body)
    broker.close()
    page = signed_in(t, "/console/system")
    shown(page, "System")
    services = page.locator(".services")
    for name, word in (("public-service", "Ready"), ("sse-gateway", "Ready"), ("ingestor", "Ready"), ("telemetry-service", "Away")):
        expect(services.locator("li", has_text=name)).to_contain_text(word, timeout=PATIENCE_MS)
    letters = page.locator("#dead-letters")
    expect(letters).to_contain_text("<script>alert(1)</script>", timeout=PATIENCE_MS)
    expect(letters).to_contain_text('{"v": 99}')
    t.shot(page, "system")
    # Sent again it is what it was: the ingestor puts it back, and nothing is lost on the way.
    page.locator("#requeue-all").click()
    wait_until(lambda: t.world.api("GET", "/api/system/dead-letters")["count"] == 2, "both are back", PATIENCE_SECONDS)
    expect(letters).to_contain_text('{"v": 99}', timeout=PATIENCE_MS)
    page.locator("#drop-all").click()
    page.locator('dialog button[value="yes"]').click()
    wait_until(lambda: t.world.api("GET", "/api/system/dead-letters")["count"] == 0, "both are gone", PATIENCE_SECONDS)
    wait(page, "!document.querySelector('#dead-letters').textContent.includes('script')")
    told = [event["action"] for event in t.world.api("GET", "/api/audit")["events"]]
    assert any("requeue" in it for it in told) and any("drop" in it for it in told), told
