// Follows the statuses of a project on a page, with the browser's own EventSource.
//
//     index.html?slug=harbour-tower&base=http://127.0.0.1:8080
//
// What goes over the wire is in docs/API.md, "Stream"; "What a viewer should do" is what is done here.
"use strict";

(() => {
  const query = new URLSearchParams(location.search);
  const slug = query.get("slug") ?? "harbour-tower";
  const base = (query.get("base") ?? "http://127.0.0.1:8080").replace(/\/$/, "");
  const address = `${base}/api/public/${encodeURIComponent(slug)}/status`;

  // The server speaks every 30 s (PING_SECONDS); three times that without a word is a dead connection.
  const SILENCE_MS = 95_000;
  const [SHORTEST_PAUSE_MS, FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [2_000, 4_000, 30_000];
  const CHANGES_SHOWN = 100;

  // The connection. EventSource reads the frames, and comes back by itself after a cut, with Last-Event-ID and after the
  // `retry:` that the server sent. What it does not do: notice silence, and go on after any answer but 200.

  let source;
  let lastId = "";
  let failures = 0;
  let silence;

  function open() {
    source?.close();
    source = new EventSource(`${address}/stream${lastId && `?last_event_id=${encodeURIComponent(lastId)}`}`);
    for (const [name, act] of Object.entries(ON)) source.addEventListener(name, (event) => heard(event, act));
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) refused();
      else say("connection", "Reconnecting…");
    };
    listen();
  }

  function listen() {
    clearTimeout(silence);
    silence = setTimeout(open, SILENCE_MS + Math.random() * 10_000);
  }

  function heard(event, act) {
    listen();
    try {
      act(JSON.parse(event.data));
      // Only now: what was not taken has to come again. A new EventSource has none before its first.
      lastId = event.lastEventId || lastId;
    } catch (error) {
      lastId = ""; // it may have been a change: the whole again
      later(`A frame that cannot be read (${error.message}).`);
    }
  }

  /** EventSource hides the code; only 404 is final. */
  async function refused() {
    later("No stream.");
    const waiting = source;
    const answer = await fetch(address, { signal: AbortSignal.timeout(15_000) }).catch(() => null);
    if (answer?.status === 404 && waiting === source) end(`No such project: ${slug}.`);
  }

  /** Whatever many pages do at once is spread: a server that comes back must not be trampled. */
  function later(why) {
    source.close();
    clearTimeout(silence);
    const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++);
    const pause = SHORTEST_PAUSE_MS + Math.random() * (ceiling - SHORTEST_PAUSE_MS);
    say("connection", `${why} Again in ${Math.round(pause / 1000)} s.`);
    silence = setTimeout(open, pause);
  }

  function end(why) {
    source.close();
    clearTimeout(silence);
    say("connection", why);
  }

  const ON = {
    connected() {
      failures = 0;
      say("connection", "Connected.");
    },
    status_update({ statuses, ...rest }) { // the whole: what it does not name is gone
      const gone = [...units.keys()].filter((unit) => !Object.hasOwn(statuses, unit));
      change(statuses, gone);
      known = true;
      fresh(rest);
    },
    bulk_update({ updates, removed = [], ...rest }) { // what changed: what it does not name stays
      change(updates, removed);
      fresh(rest);
    },
    state: fresh,
    ping: fresh,
    closed({ reason }) {
      // After "draining" the server hangs up, and EventSource comes back by itself.
      if (reason !== "draining") end(`The server ended the stream for good: ${reason}.`);
    },
  };

  // The page. Names and statuses are text, never markup.

  const units = new Map(); // unit -> its element
  let known = false; // since the first whole state
  let state = "unknown";

  function change(updates, removed) {
    const changes = [...Object.entries(updates), ...removed.map((unit) => [unit, "gone"])];
    for (const [unit, status] of changes) {
      const element = units.get(unit) ?? document.createElement("li");
      const before = element.dataset.status ?? "new";
      if (status === "gone") {
        element.remove();
        units.delete(unit);
      } else {
        element.dataset.status = status;
        element.textContent = `${unit} ${status}`;
        if (!units.has(unit)) document.getElementById("units").append(element);
        units.set(unit, element);
      }
      if (known && before !== status) tell(`${unit}: ${before} → ${status}`);
    }
  }

  function tell(text) {
    const list = document.getElementById("changes");
    const line = document.createElement("li");
    line.textContent = text;
    list.prepend(line);
    if (list.children.length > CHANGES_SHOWN) list.lastChild.remove();
  }

  /** People are told how old what they see is. */
  function fresh({ state: now = state, as_of: asOf }) {
    state = now;
    const told = { live: "Live", stale: "Stale: the source does not answer", unknown: "Never read" };
    say("freshness", `${told[state] ?? state}${asOf ? `, as of ${new Date(asOf).toLocaleTimeString()}` : ""}`);
  }

  function say(id, text) {
    document.getElementById(id).textContent = text;
  }

  document.title = slug;
  say("title", slug);
  open();
})();
