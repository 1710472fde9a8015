"""That everyone can use every page: names, roles, contrast, small screens, the keyboard; nothing of it from elsewhere."""

from playwright.sync_api import expect

from browser.harness import PATIENCE_MS, case
from steps import complaints, shown, signed_in

PAGES = (
    ("runs", "/console/runs", "Runs"),
    ("run", "/console/runs/{run}", "Run {run}"),
    ("coverage", "/console/coverage", "Coverage"),
    ("dashboard", "/console/dashboard", "Dashboard"),
    ("projects", "/console/projects", "Projects"),
    ("project", "/console/projects/garden-court", "Garden Court"),
    ("new-project", "/console/projects?new", "New project"),
    ("system", "/console/system", "System"),
)


def settled(page):
    """What the first look brings is there."""
    expect(page.locator("main")).not_to_contain_text("Loading", timeout=PATIENCE_MS)


for scheme in ("light", "dark"):
    for width in (360, 1280):

        @case(f"usable: names, roles, contrast and width of every page, {scheme}, {width} px")
        def usable(t, scheme=scheme, width=width):
            page = t.visit("/console", width=width, height=800, color_scheme=scheme)
            expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
            found = complaints(page, "sign-in")
            run = t.world.some_run()
            t.shot(page, f"sign-in-{width}-{scheme}")
            page = signed_in(t, width=width, height=800, color_scheme=scheme)
            for name, path, title in PAGES:
                page.goto(t.world.base + path.format(run=run))
                shown(page, title.format(run=run))
                settled(page)
                found += complaints(page, name)
                page.screenshot(path=t._shots / f"{name}-{width}-{scheme}.png", full_page=True)
            page.goto(t.world.base + "/console/runs")
            page.locator("#force-open").click()
            expect(page.locator("#force")).to_be_visible()
            found += complaints(page, "force")
            t.shot(page, f"force-{width}-{scheme}")
            assert not found, "\n".join(found)


@case("usable: with the keyboard alone from the first Tab to another page")
def keyboard(t):
    page = signed_in(t)
    shown(page, "Runs")
    page.reload()
    shown(page, "Runs")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "page"
    page.locator("#nav a", has_text="System").focus()
    page.keyboard.press("Enter")
    shown(page, "System")
    # The reader's place moves with the page.
    assert page.evaluate("document.activeElement.id") == "page"
    page.go_back()
    shown(page, "Runs")
    page.locator("#force-open").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#force")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#force")).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "force-open"
