// How to follow a project's statuses, written as THE reference for other viewers: copy this file.
// It keeps one native EventSource alive through every fault and tells its listener what happened;
// it holds no statuses and touches no DOM. The wire is described in docs/API.md.
//
// What a consumer must do, and where it is done here:
//   1. `status_update` REPLACES everything known; `bulk_update` changes what it names and takes
//      away what it lists under `removed`.                                   -> #listen
//   2. `state`, `ping` and every data frame say how fresh the data is.      -> #listen
//   3. A cut connection is reopened by EventSource itself, which sends Last-Event-ID, so the
//      server answers with only what was missed.                            -> nothing to do
//   4. After any answer but 200 (503 full, 429 too many, 404) EventSource gives up for good. Make
//      a new one, 2..30 s later, jittered, with `?last_event_id=`.          -> #refused
//   5. Only 404 is final, and EventSource hides the code: ask GET …/status.  -> #refused
//   6. A connection can die without a word. The server speaks at least every PING_SECONDS (30), so
//      silence for three times that means: open another one.                -> #heard
// Whatever many viewers do at once is jittered: a server that comes back must not be trampled.

const SILENCE_MS = 90_000;
const SILENCE_JITTER_MS = 10_000;
const FIRST_RETRY_MS = 4_000;
const SHORTEST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 30_000;
const QUESTION_TIMEOUT_MS = 15_000;

/**
 * @typedef {object} Freshness
 * @property {"live"|"stale"|"unknown"} [state]
 * @property {number|null} [asOf]   when the data was good, ms since 1970 by the server's clock
 * @property {number|null} [since]  when `state` began, likewise (only `state` events say it)
 * @property {number} [serverTime]  the server's clock now, likewise (only pings say it)
 *
 * @typedef {object} Listener
 * @property {(statuses: Record<string, string>) => void} snapshot   replace everything
 * @property {(updates: Record<string, string>, removed: string[]) => void} changes
 * @property {(freshness: Freshness) => void} freshness
 * @property {(phase: "connecting"|"open"|"reconnecting"|"waiting", retryAt?: number) => void} connection
 * @property {(reason: "not_found"|"project_inactive") => void} ended   nothing follows
 */

export class StatusStream {
  #address;
  #listener;
  #source = null;
  #lastId = "";
  #failures = 0;
  #retryTimer;
  #silenceTimer;

  /**
   * @param {string} slug
   * @param {Listener} listener
   */
  constructor(slug, listener) {
    this.#address = `/api/public/${encodeURIComponent(slug)}/status`;
    this.#listener = listener;
  }

  /** Connects now, whatever went on before; what was seen already is resumed, not sent again. */
  open() {
    this.close();
    const resume = this.#lastId && `?last_event_id=${encodeURIComponent(this.#lastId)}`;
    this.#source = new EventSource(`${this.#address}/stream${resume}`);
    this.#listener.connection("connecting");
    this.#listen(this.#source);
    this.#heard();
  }

  /** Ends the stream and every timer. `open` may be called again. */
  close() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#silenceTimer);
    this.#source?.close();
    this.#source = null;
  }

  #listen(source) {
    const on = (name, act) =>
      source.addEventListener(name, (event) => {
        this.#heard();
        const data = parsed(event.data);
        // A frame that cannot be read may have carried a change: forget the place, start whole.
        if (!data) return this.#startOver();
        act(data);
        // Empty until a new EventSource has seen its first id: then the old one still stands.
        if (event.lastEventId) this.#lastId = event.lastEventId;
      });

    on("connected", () => {
      this.#failures = 0;
      this.#listener.connection("open");
    });
    on("status_update", (data) => {
      this.#listener.snapshot(data.statuses);
      this.#listener.freshness(freshness(data));
    });
    on("bulk_update", (data) => {
      this.#listener.changes(data.updates ?? {}, data.removed ?? []);
      this.#listener.freshness(freshness(data));
    });
    on("state", (data) => this.#listener.freshness(freshness(data)));
    on("ping", (data) => this.#listener.freshness({ ...freshness(data), serverTime: data.time * 1000 }));
    on("closed", (data) => {
      // "draining" needs nothing: the server hangs up, and EventSource comes back by itself after
      // the `retry:` that came along, which spreads the comeback of all viewers.
      if (data.reason === "project_inactive") this.#end("project_inactive");
    });
    source.onerror = () => {
      if (source !== this.#source) return;
      if (source.readyState === EventSource.CLOSED) this.#refused();
      else this.#listener.connection("reconnecting");
    };
  }

  #heard() {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.open(), SILENCE_MS + Math.random() * SILENCE_JITTER_MS);
  }

  #startOver() {
    this.#lastId = "";
    this.#wait();
  }

  /** EventSource gave up: find out whether that is final, else try again later. */
  async #refused() {
    const refusedSource = this.#source;
    this.#wait();
    const answer = await this.#ask();
    if (this.#source !== refusedSource) return; // opened or closed meanwhile
    if (answer.notFound) return this.#end("not_found");
    // The answer is not wasted: while streams are refused the board lives on it.
    if (answer.status) {
      this.#listener.snapshot(answer.status.statuses);
      this.#listener.freshness(freshness(answer.status));
      this.#lastId = answer.status.version ?? this.#lastId;
    }
  }

  async #ask() {
    try {
      const response = await fetch(this.#address, { signal: AbortSignal.timeout(QUESTION_TIMEOUT_MS) });
      if (response.status === 404) return { notFound: true };
      return { status: response.ok ? await response.json() : null };
    } catch {
      return { status: null }; // no network, no answer, no JSON: all of them mean "later"
    }
  }

  #wait() {
    this.#source?.close();
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#retryTimer);
    const ceiling = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++);
    const delay = SHORTEST_RETRY_MS + Math.random() * (ceiling - SHORTEST_RETRY_MS);
    this.#listener.connection("waiting", Date.now() + delay);
    this.#retryTimer = setTimeout(() => this.open(), delay);
  }

  #end(reason) {
    this.close();
    this.#listener.ended(reason);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Keeps apart what a frame does not say (left out) and what it denies (null). */
function freshness({ state, as_of: asOf, since }) {
  const told = {};
  if (state !== undefined) told.state = state;
  if (asOf !== undefined) told.asOf = asOf === null ? null : Date.parse(asOf);
  if (since !== undefined) told.since = since === null ? null : Date.parse(since);
  return told;
}
