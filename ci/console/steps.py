"""The words of the cases: signing in, what a person does, counted, and whether everybody can."""

import pathlib

from playwright.sync_api import expect

import browser.harness
from world import LOGIN

JUDGE = pathlib.Path(browser.harness.__file__).with_name("judge.js").read_text(encoding="utf-8")
# Controls that stick out of their card, where nothing scrolls.
STICKS_OUT = """[...document.querySelectorAll('.card :is(input, select, textarea, button, a)')]
  .filter((it) => it.checkVisibility() && !it.closest('.scroller, .heat-box, .preview'))
  .filter((it) => it.getBoundingClientRect().right > it.closest('.card').getBoundingClientRect().right)
  .map((it) => `sticks out of its card: ${it.outerHTML.slice(0, 100)}`)"""


class Person:
    """Somebody at a page who does one thing after the other: each click, and each field filled or chosen, is one action."""

    def __init__(self, page):
        self.page, self.actions = page, 0

    def press(self, name, role="button", **how):
        self._act(lambda: self.page.get_by_role(role, name=name, **how).click())

    def follow(self, name, **how):
        self.press(name, "link", **how)

    def type(self, label, text):
        self._act(lambda: self.page.get_by_label(label, exact=True).fill(text))

    def choose(self, label, value):
        self._act(lambda: self.page.get_by_label(label, exact=True).select_option(value))

    def sign_in(self, password=LOGIN[1]):
        self.type("Name", LOGIN[0])
        self.type("Password", password)
        self.press("Sign in")

    def _act(self, act):
        act()
        self.actions += 1


def signed_in(t, path="/console", **options):
    """A page of the console that a person has come to by signing in."""
    page = t.visit(path, **options)
    # One look that waits: between two of them the form may have come.
    page.locator("#field-username, #nav:not([hidden]) a").first.wait_for()
    if page.locator("#field-username").count():
        page.locator("#field-username").fill(LOGIN[0])
        page.locator("#field-password").fill(LOGIN[1])
        page.locator("form button").click()
    expect(page.locator("#nav")).to_be_visible()
    return page


def shown(page, title):
    """Waits for the page with that heading."""
    expect(page.locator("main h1")).to_have_text(title)
    return page


def complaints(page, name):
    """What is wrong with the page as it is, for those who see, hear, or hold a small screen."""
    told = page.evaluate(JUDGE) + page.evaluate(STICKS_OUT)
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [f"{name}: {it}" for it in told + ([f"{overflow} px too wide"] if overflow > 0 else [])]
