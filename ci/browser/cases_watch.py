"""That the watch over every case sees what happens in a tab beside the first: whatever a page may not do makes its case red."""

from harness import case

BREACH = """new Promise((done) => {
  addEventListener("securitypolicyviolation", () => done());
  document.body.append(Object.assign(document.createElement("script"), { textContent: "1" }));
})"""


def complaint(t, mischief):
    """What is said of a reader whose second tab did that."""
    first = t.visit("/")
    # Red is right for this reader, and would be wrong for the case.
    watch = t.visits.pop().watch
    with first.context:
        tab = first.context.new_page()
        tab.goto(f"{t.world.base}/")
        mischief(tab)
        try:
            watch.judge()
        except AssertionError as red:
            return str(red)
    return ""


def throw(tab):
    with tab.context.expect_event("weberror"):
        tab.evaluate("setTimeout(() => { throw Error('thrown') })")


def ask_elsewhere(tab):
    # A page that has no policy to keep it from that.
    tab.goto("about:blank")
    with tab.context.expect_event("request"):
        tab.evaluate("fetch('http://localhost:9/asked').catch(() => 0)")
    with tab.expect_event("websocket"):
        tab.evaluate("new WebSocket('ws://localhost:9/opened') && 0")


@case("watch: a tab beside the first is judged too")
def second_tab(t):
    assert complaint(t, lambda tab: tab.evaluate("1")) == "", "a tab that does nothing is green"
    for mischief, wanted in (
        (lambda tab: tab.evaluate("console.error('told')"), f"console error on {t.world.base}/: told"),
        (throw, f"exception on {t.world.base}/: thrown"),
        (ask_elsewhere, "a request to another host: http://localhost:9/asked"),
        (ask_elsewhere, "a request to another host: ws://localhost:9/opened"),
        (lambda tab: tab.evaluate(BREACH), f"CSP on {t.world.base}/: script-src-elem inline"),
    ):
        told = complaint(t, mischief)
        assert wanted in told, f"{told!r} has no {wanted!r}"
