"""Keyboard, screen reader, small screens, contrast: that everyone can use the page."""

import pathlib

from playwright.sync_api import expect

from harness import case, expect_state, unit, wait
from world import QUIET, TOWER

JUDGE = pathlib.Path(__file__).with_name("judge.js").read_text(encoding="utf-8")


def judge(page):
    complaints = page.evaluate(JUDGE)
    assert not complaints, "\n".join(complaints)


def focused(page):
    return page.evaluate("document.activeElement.textContent.trim()")


@case("keyboard: one stop for the whole board, arrows move as the eye sees it")
def arrows(t):
    page = t.viewer(TOWER)
    assert page.locator('.unit[tabindex="0"]').count() == 1
    unit(page, "A0101").focus()
    for key, expected in (
        ("ArrowRight", "A0102"), ("ArrowDown", "A0202"), ("ArrowDown", "A0302"), ("ArrowUp", "A0202"),
        ("ArrowLeft", "A0201"), ("ArrowLeft", "A0108"), ("Home", "A0101"), ("End", "A0108"),
        ("Control+End", "A2508"), ("ArrowRight", "A2508"), ("Control+Home", "A0101"), ("ArrowUp", "A0101"),
    ):
        page.keyboard.press(key)
        assert focused(page) == expected, f"{key} led to {focused(page)}, not to {expected}"
    t.shot(page, "focus-1280-light")
    page.keyboard.press("Tab")
    assert page.evaluate("!document.activeElement.matches('.unit')"), "Tab must leave the board"


@case("keyboard: the legend filters, and focus is never lost")
def filters(t):
    page = t.viewer(TOWER)
    sold = page.locator(".legend-button", has_text="Sold")
    sold.focus()
    page.keyboard.press("Space")
    expect(sold).to_have_attribute("aria-pressed", "true")
    wait(page, "[...document.querySelectorAll('.unit')].every(u => (u.offsetParent !== null) === u.matches('.is-sold'))")
    expect(page.locator("#legend-total")).to_contain_text("Showing")
    assert page.locator('.unit[tabindex="0"]').is_visible()
    t.shot(page, "filtered-1280-light")
    page.locator("#show-all").focus()
    page.keyboard.press("Enter")
    wait(page, "[...document.querySelectorAll('.unit')].every(u => u.offsetParent !== null)")
    assert page.evaluate("document.activeElement.matches('.legend-button')")


@case("keyboard: the first Tab offers to skip to the units")
def skip(t):
    page = t.viewer(TOWER)
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the units"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.unit')")


for scheme in ("light", "dark"):
    for width in (360, 1280):

        @case(f"accessible: names, roles and contrast, {scheme}, {width} px")
        def accessible(t, scheme=scheme, width=width):
            page = t.viewer(TOWER, width=width, height=800, color_scheme=scheme)
            expect_state(page, "Live")
            judge(page)
            overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert overflow <= 0, f"{overflow} px too wide"
            t.shot(page, f"tower-{width}-{scheme}")

        @case(f"accessible: the list of projects, {scheme}, {width} px")
        def accessible_index(t, scheme=scheme, width=width):
            page = t.visit("/", width=width, height=800, color_scheme=scheme)
            expect(page.locator(".card")).to_have_count(3)
            judge(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            t.shot(page, f"index-{width}-{scheme}")


@case("accessible: in trouble too, on a phone", refusals=("net",))
def accessible_trouble(t):
    for scheme in ("light", "dark"):
        page = t.viewer(TOWER, width=360, height=800, color_scheme=scheme)
        t.world.fault(TOWER, kind="status", code=500)
        expect_state(page, "Stale")
        judge(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        t.world.kill_service()
        expect_state(page, "Reconnecting")
        judge(page)
        t.shot(page, f"reconnecting-360-{scheme}")
        t.world.calm()
        expect_state(page, "Live")


@case("reduced motion: a change is marked but nothing moves")
def reduced_motion(t):
    page = t.viewer(TOWER, reduced_motion="reduce")
    t.world.set_units(TOWER, {QUIET: "sold"})
    wait(page, "[...document.querySelectorAll('.unit')].some(u => /changed-/.test(u.className))")
    moving = page.evaluate(
        """document.getAnimations().filter((a) => a.effect.getKeyframes().some((k) => k.transform))
             .map((a) => a.animationName)"""
    )
    assert moving == [], moving
