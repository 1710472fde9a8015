"""Who comes in, and what a page of somebody else can do."""

import http.server
import json
import threading
import urllib.error
import urllib.request

from playwright.sync_api import expect

from browser.harness import PATIENCE_MS, case
from stage import PATIENCE_SECONDS
from steps import Person, shown, signed_in
from world import LOGIN


@case("door: a wrong password is told, the right one opens, and nothing keeps it", refusals=(401,))
def wrong_password(t):
    page = t.visit("/console/system")
    person = Person(page)
    person.sign_in("guessed")
    expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong")
    assert page.get_by_label("Password").input_value() == ""
    t.shot(page, "sign-in-wrong")
    person.sign_in()
    shown(page, "System")
    # It led to where the person wanted to go, and the password is nowhere that a script could read it.
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    assert LOGIN[1] not in kept and "farol_session" not in kept, kept
    [cookie] = [it for it in page.context.cookies() if it["name"] == "farol_session"]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and LOGIN[1] not in cookie["value"], cookie
    # Once is enough: another tab is in, until somebody signs out.
    other = page.context.new_page()
    other.goto(page.url)
    shown(other, "System")
    person.press("Sign out")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert not [it for it in page.context.cookies() if it["name"] == "farol_session"]


@case("door: whoever is signed out while a page is open is asked to sign in, and is back where they were", refusals=(401,))
def expired(t):
    page = signed_in(t, "/console/projects")
    shown(page, "Projects")
    page.context.clear_cookies()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("main")).to_contain_text("Your session has ended")
    Person(page).sign_in()
    shown(page, "Projects")


@case("door: a session outlives a restart of the administration, and the page comes back by itself", refusals=("net",))
def restart(t):
    page = signed_in(t, "/console/projects")
    shown(page, "Projects")
    t.world.kill_service()
    expect(page.get_by_text("cannot be reached")).to_be_visible(timeout=PATIENCE_MS)
    t.shot(page, "unreachable")
    t.world.service()
    expect(page.get_by_text("cannot be reached")).to_be_hidden(timeout=PATIENCE_MS)
    page.reload()
    shown(page, "Projects")


@case("door: while the administration is silent, no page shows what was as what is", refusals=("net",))
def silent(t):
    page = signed_in(t, "/console/system")
    shown(page, "System")
    with t.world.frozen_service():
        # A look may be half-way: what is left of it is given up first.
        expect(page.get_by_text("What is shown is from")).to_be_visible(timeout=2 * PATIENCE_MS)
    expect(page.get_by_text("What is shown is from")).to_be_hidden(timeout=PATIENCE_MS)


def only_once():
    """A way to the service that lets one request pass."""
    passed = []

    def way(route):
        passed.append(route)
        if len(passed) == 1:
            route.continue_()
        else:
            route.abort()

    return way


@case("door: what the first look brought is told as of then, however early the service falls silent", refusals=("net",))
def second_look(t):
    page = signed_in(t)
    for path, title in (("system", "System"), ("projects/garden-court", "Garden Court")):
        page.route(f"{t.world.base}/api/{path}", only_once())
        page.goto(f"{t.world.base}/console/{path}")
        shown(page, title)
        expect(page.get_by_text("What is shown is from")).to_be_visible()


@case("door: how long ago something was does not depend on the reader's clock")
def wrong_clock(t):
    page = signed_in(t)
    page.add_init_script("const real = Date.now; Date.now = () => real() + 86_400_000;")
    page.reload()
    since = page.locator("#runs-source [data-fact=since]")
    expect(since).to_contain_text("ago")
    assert " d" not in since.inner_text(), since.inner_text()


class Stranger(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<p>Hello</p>")

    def log_message(self, *_):
        pass


@case("door: a page of another site can do nothing with the session", refusals=(401, 403), hosts=("http://localhost:",))
def other_site(t):
    page = signed_in(t)
    cookie = next(it for it in page.context.cookies() if it["name"] == "farol_session")["value"]
    force = f"{t.world.base}/sync/force"
    for headers in ({}, {"X-Requested-With": "farol-console", "Sec-Fetch-Site": "cross-site"}):
        headers |= {"Cookie": f"farol_session={cookie}", "Content-Type": "application/json"}
        request = urllib.request.Request(force, json.dumps({}).encode(), headers)
        try:
            urllib.request.urlopen(request, timeout=PATIENCE_SECONDS)
            raise AssertionError("a request of another site was obeyed")
        except urllib.error.HTTPError as refused:
            assert refused.code == 403, refused.code
    # A real one: localhost and 127.0.0.1 are two sites. It has no policy of its own that would keep the request from us.
    stranger = page.context.new_page()
    ask = "address => fetch(address, {method: 'POST', mode: 'no-cors', credentials: 'include'}).then(() => 'sent')"
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stranger.goto(f"http://localhost:{server.server_port}/")
        assert stranger.evaluate(ask, force) == "sent"
        server.shutdown()
    assert t.world.api("GET", "/sync/history")["total_count"] == 0


@case("door: the console in Portuguese, by the browser's wish and by a click")
def portuguese(t):
    page = signed_in(t, locale="pt-BR")
    shown(page, "Execuções")
    assert page.evaluate("document.documentElement.lang") == "pt-BR"
    t.shot(page, "runs-pt")
    person = Person(page)
    person.press("English")
    shown(page, "Runs")
    page.reload()
    shown(page, "Runs")
    person.press("Português")
    for tab, title in (("Cobertura", "Cobertura"), ("Painel", "Painel"), ("Projetos", "Projetos"), ("Sistema", "Sistema")):
        person.follow(tab, exact=True)
        shown(page, title)
    words = page.evaluate("import('/console-assets/words.js').then((words) => words.missing())")
    assert not words, f"words that only one language has: {words}"
