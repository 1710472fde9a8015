// How to follow a tenant, written as THE reference for other clients: copy this file and api.js.
// It keeps one WebSocket alive through every fault and tells its listener what happened; it holds no data and touches
// no DOM. The wire is described in docs/API.md.
//
// What a client must do, and where it is done here:
//   1. A browser sets no header on a WebSocket, and a token does not belong into an address: change it for a ticket,
//      one for each attempt.                                                          -> #attempt
//   2. What a push tells is the present state, whole: it replaces what was there.     -> the listener's
//   3. Close codes say what to do. 4001 and 4003: this token will never do. 4010: it was good, and is over. Anything
//      else (1001 the server stops, 1013 no keys, 1006 no goodbye, 4008 the ticket was too old, 4029 too many): come
//      back, 0.5..30 s later, jittered.                                               -> #closed
//   4. `token_expiring` comes a minute before the end: `authenticate` renews in place. -> renew
//   5. A connection can die without a word, and a browser does not show protocol pings: ask for a `pong`. -> #heartbeat
// Whatever many clients do at once is jittered: a server that comes back must not be trampled.

import { ask } from "./api.js";

const SHORTEST_RETRY_MS = 500;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 30_000;
const CROWDED_RETRY_MS = 20_000;
const PING_MS = 25_000;
const PATIENCE_MS = 15_000;

const NEVER = { 4001: "refused", 4003: "forbidden", 4010: "expired" };
const WHY = { 1013: "later", 4029: "crowded" };

/**
 * @typedef {object} Listener
 * @property {(message: object) => void} message  what the server says, pongs aside
 * @property {(phase: "connecting"|"open"|"waiting", retryAt?: number, why?: "later"|"crowded") => void} phase
 * @property {(reason: "refused"|"forbidden"|"expired") => void} ended  nothing follows until `open` with another token
 */

export class LiveSocket {
  #token;
  #listener;
  #socket = null;
  #attempts = 0;
  #failures = 0;
  #isOpen = false;
  /** @type {Set<string>} devices that are watched, over reconnects */
  #devices = new Set();
  #retryTimer;
  #pingTimer;
  #deathTimer;

  /**
   * @param {import("./token.js").Token} token
   * @param {Listener} listener
   */
  constructor(token, listener) {
    this.#token = token;
    this.#listener = listener;
  }

  /** Connects now, whatever went on before. */
  open() {
    this.close();
    this.#listener.phase("connecting");
    this.#attempt();
  }

  /** Ends the socket and every timer. `open` may be called again. */
  close() {
    this.#attempts += 1; // what is under way is no longer wanted
    for (const timer of [this.#retryTimer, this.#pingTimer, this.#deathTimer]) clearTimeout(timer);
    this.#retryTimer = undefined;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  /** Nothing is under way but the wait for the next attempt. */
  get isWaiting() {
    return this.#retryTimer !== undefined;
  }

  /** Watches exactly these devices from now on. */
  watch(devices) {
    const wanted = new Set(devices);
    for (const id of this.#devices) if (!wanted.has(id)) this.#say("unsubscribe", { type: "device", device_id: id });
    for (const id of wanted) if (!this.#devices.has(id)) this.#say("subscribe", { type: "device", device_id: id });
    this.#devices = wanted;
  }

  /** Puts a new token in the old one's place; the answer comes as a message. False where no socket is open. */
  renew(token) {
    return this.#say("authenticate", { token });
  }

  #say(action, members = {}) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify({ action, ...members }));
    return true;
  }

  async #attempt() {
    const attempt = this.#attempts;
    const { status, body, retryAfterMs } = await ask("/api/v2/ws-ticket", this.#token.text);
    if (attempt !== this.#attempts) return; // closed or opened anew meanwhile
    if (status === 200) this.#connect(body.ticket);
    else if (status === 401) this.#end(this.#token.isOver ? "expired" : "refused");
    else if (status === 403) this.#end("forbidden");
    else this.#wait(retryAfterMs, status === 0 ? undefined : "later");
  }

  #connect(ticket) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v2/ws?ticket=${encodeURIComponent(ticket)}`);
    this.#socket = socket;
    this.#isOpen = false;
    this.#dieUnlessHeard();
    const current = (act) => (event) => {
      if (socket === this.#socket) act(event);
    };
    socket.onopen = current(() => {
      this.#say("subscribe", { type: "alerts" });
      for (const id of this.#devices) this.#say("subscribe", { type: "device", device_id: id });
    });
    socket.onmessage = current((event) => this.#heard(event.data));
    socket.onclose = current((event) => this.#closed(event.code));
  }

  #heard(text) {
    // A server that takes a socket and closes it at once has not recovered: the first word counts, not the opening.
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#failures = 0;
      this.#listener.phase("open");
    }
    this.#heartbeat();
    const message = parsed(text);
    if (message && message.type !== "pong") this.#listener.message(message);
  }

  #heartbeat() {
    clearTimeout(this.#deathTimer);
    clearTimeout(this.#pingTimer);
    this.#pingTimer = setTimeout(() => {
      this.#say("ping");
      this.#dieUnlessHeard();
    }, PING_MS);
  }

  #dieUnlessHeard() {
    clearTimeout(this.#deathTimer);
    this.#deathTimer = setTimeout(() => {
      this.close();
      this.#wait(0);
    }, PATIENCE_MS);
  }

  #closed(code) {
    this.#socket = null;
    if (code in NEVER) this.#end(NEVER[code]);
    else this.#wait(code === 4029 ? CROWDED_RETRY_MS : 0, WHY[code]);
  }

  #wait(atLeastMs, why) {
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#deathTimer);
    const ceiling = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++);
    const delay = atLeastMs + SHORTEST_RETRY_MS + Math.random() * (ceiling - SHORTEST_RETRY_MS);
    this.#listener.phase("waiting", Date.now() + delay, why);
    this.#retryTimer = setTimeout(() => this.open(), delay);
  }

  #end(reason) {
    this.close();
    this.#failures = 0;
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
