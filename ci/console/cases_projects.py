"""Client APIs: connected, understood, changed and let go by somebody with a browser and nothing else."""

from playwright.sync_api import expect

from browser.harness import BIDI, PATIENCE_MS, TURNING, case
from stage import wait_until
from steps import Person, shown, signed_in
from world import LOGIN, QUAY, QUAY_KEY

MOST_ACTIONS = 12


@case("projects: from nothing to a live board in at most 12 actions, an unmapped word included")
def connect(t):
    # Of a phase that is not open: the demo world leaves it alone.
    t.world.client("POST", f"{QUAY}/units", {"Q24": "Deposit paid"})
    page = t.visit("/console")
    person = Person(page)
    person.sign_in()
    person.follow("Projects")
    person.follow("New project")
    shown(page, "New project")
    person.type("Address of the client API", f"{t.world.client_api}/{QUAY}/units")
    person.type("API key", QUAY_KEY)
    person.type("Header of the key", "X-Quay-Key")
    t.shot(page, "new-project")
    person.press("Save and test")
    shown(page, "Quay Houses")
    expect(page.locator("#trial")).to_contain_text("It works: 24 units")
    expect(page.locator("#results")).to_contain_text("Deposit paid")
    t.shot(page, "unmapped")
    person._act(lambda: page.get_by_role("group", name="Deposit paid").get_by_role("button", name="Reserved").click())
    expect(page.get_by_text("“Deposit paid” is Reserved now")).to_be_visible()
    t.shot(page, "mapped")
    with page.context.expect_page() as opened:
        person.follow("Open the viewer")
    viewer = opened.value
    expect(viewer.locator(".unit").first).to_be_visible(timeout=PATIENCE_MS)
    expect(viewer.locator("#link-state")).to_contain_text("Live", timeout=PATIENCE_MS)
    expect(viewer.locator(".unit", has_text="Q24")).to_have_attribute("aria-label", "Q24, Reserved", timeout=PATIENCE_MS)
    viewer.screenshot(path=t._shots / "viewer-of-the-new-project.png")
    assert person.actions <= MOST_ACTIONS, f"{person.actions} actions"
    print(f"        {person.actions} actions", flush=True)
    # The console sees who watches.
    page.bring_to_front()
    expect(page.locator("main")).to_contain_text("Live", timeout=PATIENCE_MS)
    nothing_tells_the_key(t, page)


def nothing_tells_the_key(t, page):
    """Neither pages, nor answers, nor rows that are shown to people."""
    for path in ("", f"/{QUAY}", f"/{QUAY}/integration"):
        assert QUAY_KEY not in str(t.world.api("GET", f"/api/projects{path}"))
    assert QUAY_KEY not in str(t.world.api("GET", "/api/audit"))
    assert QUAY_KEY not in str(t.world.query("SELECT * FROM admin_events, integration_configs"))
    page.reload()
    shown(page, "Quay Houses")
    assert QUAY_KEY not in page.content()


@case("projects: whatever was typed for a new one, leaving asks first; of what was taken back it does not")
def half_typed(t):
    page = signed_in(t, "/console/projects?new")
    for label in ("Short name in addresses (slug)", "Description", "API key", "Header of the key"):
        shown(page, "New project")
        typed = page.get_by_label(label, exact=True)
        typed.fill("half")
        page.get_by_role("link", name="All projects").click()
        page.get_by_role("dialog", name="Leave without saving?").get_by_role("button", name="Not now").click()
        expect(typed).to_have_value("half")
        typed.fill("")
    page.get_by_role("link", name="All projects").click()
    shown(page, "Projects")


@case("projects: an edit reaches viewers that are open, and letting a project go ends them")
def change(t):
    slug = "garden-court"
    page = signed_in(t, f"/console/projects/{slug}")
    shown(page, "Garden Court")
    viewer = page.context.new_page()
    viewer.goto(f"{t.world.viewers}/viewer/{slug}")
    expect(viewer.locator("#link-state")).to_contain_text("Live", timeout=PATIENCE_MS)
    page.bring_to_front()
    expect(page.locator("#live")).to_contain_text("Live", timeout=PATIENCE_MS)
    t.shot(page, "project")
    t.world.client("POST", f"{slug}/units", {"G12": "alugada"})
    group = page.get_by_role("group", name="alugada")
    expect(group).to_be_visible(timeout=PATIENCE_MS)
    group.get_by_role("button", name="Hidden").click()
    expect(viewer.locator(".unit", has_text="G12").first).to_have_attribute("aria-label", "G12, Hidden", timeout=PATIENCE_MS)
    page.locator("#toggle-active").click()
    t.shot(page, "deactivate")
    page.locator('dialog button[value="yes"]').click()
    expect(viewer.locator(".ending")).to_be_visible(timeout=PATIENCE_MS)
    page.locator("#toggle-active").click()
    wait_until(lambda: t.world.api("GET", f"/api/projects/{slug}")["is_active"], "it is active again")


@case("projects: what is wrong is told beside its field, and what a client API fails with in words", refusals=(409, 422))
def wrong(t):
    page = signed_in(t, "/console/projects?new")
    person = Person(page)
    person.type("Address of the client API", "ftp://client.example/units")
    person.press("Save and test")
    expect(page.locator("#field-address-wrong")).to_contain_text("https://")
    person.type("Address of the client API", f"{t.world.client_api}/hillside-lofts/units")
    person.type("Short name in addresses (slug)", "hillside-lofts")
    person.type("API key", "wrong-key")
    person.press("Save and test")
    expect(page.locator("#field-slug-wrong")).to_contain_text("already")
    person.type("Short name in addresses (slug)", "lofts-again")
    person.press("Save and test")
    shown(page, "Hillside Lofts")
    expect(page.locator("#trial")).to_contain_text("It does not work")
    expect(page.locator("#trial")).to_contain_text("401")
    t.shot(page, "trial-failed")


@case("projects: stored credentials do not follow the address to another host", refusals=(422,))
def moved(t):
    page = signed_in(t, "/console/projects/hillside-lofts")
    shown(page, "Hillside Lofts")
    expect(page.get_by_text("Credentials are stored. They are never shown.")).to_be_visible()
    before = t.world.api("GET", "/api/projects/hillside-lofts/integration")
    page.get_by_label("Address of the client API").fill(t.world.viewers + "/units")
    expect(page.get_by_text("The address has another host now")).to_be_visible()
    t.shot(page, "moved")
    Person(page).press("Save and test")
    expect(page.locator("#field-api_key-wrong")).to_be_visible()
    assert t.world.api("GET", "/api/projects/hillside-lofts/integration") == before


@case("projects: two people at one integration: the second is told", refusals=(412,))
def two(t):
    page = signed_in(t, "/console/projects/harbour-tower")
    shown(page, "Harbour Tower")
    t.world.api("PUT", "/api/projects/harbour-tower/integration", {"polling_interval_seconds": 7})
    page.get_by_text("More: parts of the address").click()
    page.get_by_label("Timeout in seconds").fill("9")
    Person(page).press("Save and test")
    expect(page.locator("#client-api")).to_contain_text("Somebody else", timeout=PATIENCE_MS)
    t.shot(page, "changed-meanwhile")
    stored = t.world.api("GET", "/api/projects/harbour-tower/integration")
    assert (stored["polling_interval_seconds"], stored["timeout_seconds"]) == (7, 5), stored


@case("projects: a client's words turn nothing but themselves, whatever direction they are written in")
def direction(t):
    slug = "garden-court"
    t.world.client("POST", f"{slug}/units", {word: word for word in TURNING})
    page = signed_in(t, f"/console/projects/{slug}")
    shown(page, "Garden Court")
    page.locator("#test-only").click()
    for word in TURNING:
        expect(page.locator("#unmapped q", has_text=word)).to_be_visible(timeout=PATIENCE_MS)
    turned = page.evaluate(BIDI, TURNING)
    assert not turned, "\n".join(turned)
    t.shot(page, "turning")
    page.locator("#unmapped .meanings").first.locator(".is-sold").click()
    chosen = page.locator("#words .chip", has_text="\u202e")
    expect(chosen).to_have_count(1)
    turned = page.evaluate(BIDI, TURNING)
    assert not turned, "\n".join(turned)
    page.locator("#mapped-undo").click()
    expect(chosen).to_have_count(0)
