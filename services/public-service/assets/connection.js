// Says honestly what the reader looks at: is the connection up, is the source answering, how old is
// the data. Only a change of the state is announced; the ticking figures are for the eye.

import { say, sayAge, sayTime } from "./words.js";

const TICK_MS = 1_000;

export class Connection {
  #line = document.getElementById("link");
  #state = document.getElementById("link-state");
  #age = document.getElementById("link-age");
  #why = document.getElementById("link-why");
  #phase = "connecting";
  #retryAt = 0;
  #freshness = { state: null, asOf: null, since: null };
  /** This device's clock minus the server's, ms. */
  #skew = 0;
  #ticker = setInterval(() => this.#draw(), TICK_MS);

  constructor() {
    this.#draw();
  }

  phase(phase, retryAt = 0) {
    this.#phase = phase;
    this.#retryAt = retryAt;
    this.#draw();
  }

  /** @param {import("./stream.js").Freshness} told */
  freshness(told) {
    // `since` belongs to the state that came with it.
    if (told.state && told.state !== this.#freshness.state) this.#freshness.since = null;
    Object.assign(this.#freshness, told);
    this.#learnSkew(told);
    this.#draw();
  }

  ended() {
    clearInterval(this.#ticker);
    this.#line.hidden = true;
  }

  /** Ages are differences between two clocks: pings tell the other one, and nothing is from the future. */
  #learnSkew({ serverTime, asOf }) {
    const now = Date.now();
    if (serverTime !== undefined) this.#skew = now - serverTime;
    else if (asOf) this.#skew = Math.min(this.#skew, now - asOf);
  }

  #draw() {
    const { tone, state, why } = this.#shown();
    const { asOf } = this.#freshness;
    this.#line.dataset.tone = tone;
    // Set only when it differs: this one is a live region.
    if (this.#state.textContent !== state) this.#state.textContent = state;
    this.#age.textContent = asOf ? say("age", { age: sayAge(Date.now() - this.#skew - asOf) }) : say("noData");
    this.#why.textContent = why;
  }

  #shown() {
    switch (this.#phase) {
      case "waiting":
        return { tone: "away", state: say("reconnecting"), why: this.#untilRetry() };
      case "reconnecting":
        return { tone: "away", state: say("reconnecting"), why: say("reconnectingWhy") };
      case "connecting":
        return this.#freshness.state
          ? { tone: "away", state: say("reconnecting"), why: say("tryingNow") }
          : { tone: "wait", state: say("connecting"), why: "" };
    }
    const { state, since } = this.#freshness;
    switch (state) {
      case "live":
        return { tone: "live", state: say("live"), why: "" };
      case "stale":
        return {
          tone: "stale",
          state: since ? say("staleSince", { time: sayTime(since) }) : say("stale"),
          why: say("staleWhy"),
        };
      case "unknown":
        return { tone: "stale", state: say("unknown"), why: say("unknownWhy") };
    }
    return { tone: "wait", state: say("connecting"), why: "" };
  }

  #untilRetry() {
    const seconds = Math.ceil((this.#retryAt - Date.now()) / 1000);
    return seconds > 0 ? say("nextTry", { n: seconds }) : say("tryingNow");
  }
}
