"""The page's pure modules, asked directly in the browser: layout rules and the reference consumer."""

from harness import case

PLACES = """async (refs) => {
  const { arrangement, byRef } = await import("/viewer-assets/units.js");
  const rule = arrangement(refs);
  return [...refs].sort(byRef).map((ref) => [ref, rule(ref).section, rule(ref).row]);
}"""


@case("layout: refs suggest sections and rows, or neither")
def layout(t):
    page = t.visit("/")
    for refs, expected in (
        (["A10", "A2", "a1", "A1"], [["A1", "A", ""], ["a1", "a", ""], ["A2", "A", ""], ["A10", "A", ""]]),
        (
            ["T2-101", "T1-1002", "T1-101", "T2-102", "T1-1001", "T1-102B"],
            [["T1-101", "T1", "1"], ["T1-102B", "T1", "1"], ["T1-1001", "T1", "10"], ["T1-1002", "T1", "10"],
             ["T2-101", "T2", "1"], ["T2-102", "T2", "1"]],
        ),
        (
            ["B-2-01", "A-1-02", "A-1-01", "B-2-02"],
            [["A-1-01", "A", "A-1"], ["A-1-02", "A", "A-1"], ["B-2-01", "B", "B-2"], ["B-2-02", "B", "B-2"]],
        ),
        (["U0001", "U0099", "U0100"], [["U0001", "U", ""], ["U0099", "U", ""], ["U0100", "U", ""]]),
        (["9f3a", "c01d", "Loft"], [["9f3a", "", ""], ["c01d", "", ""], ["Loft", "", ""]]),
        ([], []),
    ):
        assert page.evaluate(PLACES, refs) == expected, page.evaluate(PLACES, refs)


# An EventSource that the test plays: each one made is kept in `made`.
PLAYED = """async ({ replies }) => {
  const made = [], told = [];
  window.EventSource = class extends EventTarget {
    static CLOSED = 2;
    readyState = 0;
    constructor(address) { super(); this.address = address; made.push(this); }
    close() { this.readyState = 2; }
    say(name, data, lastEventId = "") { this.dispatchEvent(new MessageEvent(name, { data, lastEventId })); }
    refuse() { this.readyState = 2; this.onerror(); }
  };
  window.fetch = async () => new Response(replies.body, { status: replies.status });
  const tell = (name) => (...values) => told.push([name, ...values]);
  const { StatusStream } = await import("/viewer-assets/stream.js");
  const names = ["snapshot", "changes", "freshness", "connection", "ended"];
  const stream = new StatusStream("x", Object.fromEntries(names.map((name) => [name, tell(name)])));
  stream.open();
  Object.assign(window, { made, told });
}"""


def play(t, **replies):
    page = t.visit("/", clock=True)
    page.evaluate(PLAYED, {"replies": {"status": 503, "body": None} | replies})
    return page


@case("reference consumer: refused again and again it tries after 2..30 s, longer each time, not in step")
def retries(t):
    page = play(t)
    delays = []
    for attempt in range(12):
        page.evaluate("made.at(-1).refuse()")
        delays.append(page.evaluate("told.findLast(([, phase]) => phase === 'waiting')[2] - Date.now()"))
        page.clock.run_for(31_000)
        assert page.evaluate("made.length") == attempt + 2, "one new EventSource for each refusal"
    assert all(1_500 <= delay <= 30_000 for delay in delays), delays
    assert delays[0] <= 4_000 and max(delays) > 4_000 and len(set(map(int, delays))) > 6, delays


@case("reference consumer: a frame that cannot be read makes it start whole, a good one is resumed")
def unreadable(t):
    page = play(t)
    page.evaluate("made[0].say('status_update', '{\"statuses\": {\"A\": \"sold\"}}', 'e-1')")
    assert page.evaluate("told.filter(([name]) => name === 'snapshot').length") == 1
    page.evaluate("made[0].refuse()")
    page.clock.run_for(31_000)
    assert page.evaluate("made[1].address") == "/api/public/x/status/stream?last_event_id=e-1"
    page.evaluate("made[1].say('bulk_update', '{\"updates\": {', 'e-2')")
    page.clock.run_for(31_000)
    assert page.evaluate("made[2].address") == "/api/public/x/status/stream"


@case("reference consumer: 404 ends it, for good")
def gone(t):
    page = play(t, status=404)
    page.evaluate("made[0].refuse()")
    page.wait_for_function("told.some(([name, reason]) => name === 'ended' && reason === 'not_found')")
    page.clock.run_for(120_000)
    assert page.evaluate("made.length") == 1
