// Says honestly what the reader looks at: is the connection up, does the source answer, does the token hold. Only a
// change of the state is announced; the ticking figures are for the eye.

import { say, sayTime } from "./words.js";

const TICK_MS = 1_000;

export class Link {
  #line = document.getElementById("link");
  #state = document.getElementById("link-state");
  #why = document.getElementById("link-why");
  #phase = "noToken";
  #retryAt = 0;
  #reason;
  #wasOpen = false;
  /** Since when each source that does not answer does not; by channel, so bounded by what is watched. */
  #stale = new Map();

  constructor() {
    setInterval(() => this.#draw(), TICK_MS);
    this.#draw();
  }

  /** @param {"connecting"|"open"|"waiting"} phase */
  phase(phase, retryAt = 0, why = undefined) {
    this.#phase = phase;
    this.#retryAt = retryAt;
    this.#reason = why;
    if (phase === "open") {
      this.#wasOpen = true;
      this.#stale.clear(); // a new socket is told again
    }
    this.#draw();
  }

  /** Nothing comes any more. @param {"refused"|"forbidden"|"expired"|"noToken"} reason */
  ended(reason) {
    this.phase(reason);
  }

  /** @param {{ channel: string, device_id?: string, state: "stale"|"live", since: string }} told */
  source({ channel, device_id: device = "", state, since }) {
    const key = `${channel} ${device}`;
    if (state === "stale") this.#stale.set(key, Date.parse(since));
    else this.#stale.delete(key);
    this.#draw();
  }

  #draw() {
    const { tone, state, why } = this.#shown();
    this.#line.dataset.tone = tone;
    // Set only when it differs: this one is a live region.
    if (this.#state.textContent !== state) this.#state.textContent = state;
    this.#why.textContent = why;
  }

  #shown() {
    switch (this.#phase) {
      case "waiting":
        return { tone: "away", state: say("reconnecting"), why: this.#untilRetry() };
      case "connecting":
        return this.#wasOpen
          ? { tone: "away", state: say("reconnecting"), why: say("tryingNow") }
          : { tone: "wait", state: say("connecting"), why: "" };
      case "open":
        return this.#sources();
    }
    return { tone: this.#phase === "noToken" ? "off" : "over", state: say(this.#phase), why: say(`${this.#phase}Why`) };
  }

  #sources() {
    if (this.#stale.size === 0) return { tone: "live", state: say("live"), why: "" };
    const time = sayTime(Math.min(...this.#stale.values()));
    return { tone: "stale", state: say("staleSince", { time }), why: say("staleWhy") };
  }

  #untilRetry() {
    const seconds = Math.ceil((this.#retryAt - Date.now()) / 1000);
    const next = seconds > 0 ? say("nextTry", { n: seconds }) : say("tryingNow");
    return this.#reason ? `${say(this.#reason)} ${next}` : next;
  }
}
