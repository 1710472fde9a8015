"""A session that ends while somebody types: they sign in over the page, and what they have typed is still there, secrets too."""

from playwright.sync_api import expect

from browser.harness import PATIENCE_MS, case
from steps import complaints, shown, signed_in
from world import LOGIN, QUAY, QUAY_KEY

TITLE = {"en-GB": "Your session has ended", "pt-BR": "Sua sessão terminou"}
KEY = "#field-api_key"


def offered(page, title):
    """The sign-in over the page, which has the keyboard and names."""
    dialog = page.get_by_role("dialog", name=title)
    expect(dialog).to_be_visible()
    expect(dialog.locator("#field-again-username")).to_have_value(LOGIN[0])
    expect(dialog.locator("#field-again-password")).to_be_focused()
    return dialog


def sign_in(page, password=LOGIN[1]):
    page.keyboard.type(password)
    page.keyboard.press("Enter")


for locale, title in TITLE.items():

    @case(f"ended: a save asks to sign in over the form, and is pressed again with all that was typed, {locale}", refusals=(401,))
    def save(t, locale=locale, title=title):
        page = signed_in(t, "/console/projects?new", locale=locale, width=360, height=800, color_scheme="dark")
        slug = f"left-open-{locale.lower()}"
        typed = {"#field-address": f"{t.world.client_api}/{QUAY}/units", "#field-slug": slug, "#field-api_key_header": "X-Quay-Key", KEY: QUAY_KEY}
        for place, text in typed.items():
            page.locator(place).fill(text)
        page.context.clear_cookies()
        page.locator(KEY).press("Enter")
        dialog = offered(page, title)
        found = complaints(page, "signing in over a form")
        assert not found, "\n".join(found)
        t.shot(page, f"ended-360-dark-{locale}")
        # Whoever does not want to is let be, and asked again when they press again.
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(page.locator(KEY)).to_be_focused()
        found = complaints(page, "a form nobody can save")
        assert not found, "\n".join(found)
        page.locator("#ended").scroll_into_view_if_needed()
        t.shot(page, f"ended-kept-360-dark-{locale}")
        page.locator(KEY).press("Enter")
        dialog = offered(page, title)
        sign_in(page, "guessed")
        expect(dialog.get_by_role("alert")).to_be_visible()
        expect(dialog.locator("#field-again-password")).to_have_value("")
        sign_in(page)
        expect(dialog).to_have_count(0)
        expect(page.locator(KEY)).to_be_focused()
        expect(page.locator("#ended")).to_have_count(0)
        for place, text in typed.items():
            expect(page.locator(place)).to_have_value(text)
        kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, history.state, document.cookie, location.href])")
        assert QUAY_KEY not in kept and LOGIN[1] not in kept, kept
        page.locator(KEY).press("Enter")
        page.wait_for_url(f"**/console/projects/{slug}")
        expect(page.locator("#trial")).to_contain_text("24", timeout=PATIENCE_MS)
        assert t.world.api("GET", f"/api/projects/{slug}/integration")["has_credentials"]


@case("ended: a look that finds the session over takes neither what was typed nor the keyboard", refusals=(401,))
def look(t):
    page = signed_in(t, "/console/projects/hillside-lofts")
    shown(page, "Hillside Lofts")
    name = page.locator("#facts #field-name")
    name.fill("Hillside Lofts, half typed")
    page.context.clear_cookies()
    expect(page.locator("#ended")).to_be_visible(timeout=PATIENCE_MS)
    expect(name).to_be_focused()
    assert page.locator("dialog").count() == 0
    t.shot(page, "ended-by-a-look")
    page.locator("#ended button").click()
    dialog = offered(page, TITLE["en-GB"])
    sign_in(page)
    expect(dialog).to_have_count(0)
    expect(page.locator("#ended")).to_have_count(0)
    expect(page.locator("main")).to_be_focused()
    expect(name).to_have_value("Hillside Lofts, half typed")
    name.fill("Hillside Lofts")


@case("ended: a dialog that is open stays open below the sign-in", refusals=(401,))
def below(t):
    page = signed_in(t)
    shown(page, "Runs")
    page.locator("#force-open").click()
    form = page.locator("#force")
    form.locator('[value="backfill"]').check()
    page.context.clear_cookies()
    expect(page.locator("#ended")).to_have_count(1, timeout=PATIENCE_MS)
    page.locator("#force-go").click()
    dialog = offered(page, TITLE["en-GB"])
    t.shot(page, "ended-over-a-dialog")
    sign_in(page)
    expect(dialog).to_have_count(0)
    expect(page.locator("#force-go")).to_be_focused()
    expect(form.locator('[value="backfill"]')).to_be_checked()


@case("ended: a sign-in that is put away while it is on its way signs nobody in", refusals=(401, "net"))
def put_away(t):
    page = signed_in(t, "/console/projects/hillside-lofts")
    shown(page, "Hillside Lofts")
    name = page.locator("#facts #field-name")
    name.fill("Hillside Lofts, half typed")
    page.context.clear_cookies()
    expect(page.locator("#ended")).to_be_visible(timeout=PATIENCE_MS)
    page.locator("#ended button").click()
    dialog = offered(page, TITLE["en-GB"])
    held = []
    page.route("**/console/session", lambda route: held.append(route))
    with page.expect_request("**/console/session"):
        sign_in(page)
    with page.expect_event("requestfailed", lambda it: it.url.endswith("/console/session")):
        page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("#ended")).to_be_visible()
    assert held and not page.context.cookies(), "a session came of it"
    # Nothing of it is left: the next one signs in.
    page.unroute("**/console/session")
    page.locator("#ended button").click()
    offered(page, TITLE["en-GB"])
    sign_in(page)
    expect(dialog).to_have_count(0)
    expect(page.locator("#ended")).to_have_count(0)
    name.fill("Hillside Lofts")
