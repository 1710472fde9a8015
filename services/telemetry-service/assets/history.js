// Fetches what devices said before the page was opened, for those that come into sight, a few at a time and never
// faster than the service allows.

import { ask } from "./api.js";

const AT_ONCE = 2;
/** Readings per device; as many as a curve shows. */
export const DEPTH = 60;
const PAUSE_MS = 5_000;

export class History {
  #token;
  #onHistory;
  /** Devices whose turn has not come, oldest wish first. Bounded by the devices shown. */
  #wanted = new Set();
  /** Devices whose cards are there. */
  #followed = new Set();
  #busy = 0;
  #pausedUntil = 0;
  #pauseTimer;
  #sight = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) this.#want(target.dataset.device, target);
    }
  }, { rootMargin: "200px" });

  /**
   * @param {import("./token.js").Token} token
   * @param {(device: string, readings: { timestamp: string, metrics: object }[]) => void} onHistory
   */
  constructor(token, onHistory) {
    this.#token = token;
    this.#onHistory = onHistory;
  }

  /** Fetches the history of this card's device once the card is seen. */
  follow(card) {
    this.#followed.add(card.dataset.device);
    this.#sight.observe(card);
  }

  unfollow(card) {
    this.#sight.unobserve(card);
    this.#followed.delete(card.dataset.device);
    this.#wanted.delete(card.dataset.device);
  }

  #want(device, card) {
    this.#sight.unobserve(card);
    this.#wanted.add(device);
    this.#next();
  }

  #next() {
    const pause = this.#pausedUntil - Date.now();
    clearTimeout(this.#pauseTimer);
    if (pause > 0) {
      this.#pauseTimer = setTimeout(() => this.#next(), pause);
      return;
    }
    while (this.#busy < AT_ONCE && this.#wanted.size > 0 && this.#token.text) {
      const [device] = this.#wanted;
      this.#wanted.delete(device);
      this.#busy += 1;
      this.#fetch(device);
    }
  }

  async #fetch(device) {
    const path = `/api/v2/devices/${encodeURIComponent(device)}/telemetry?limit=${DEPTH}`;
    const asked = this.#token.text;
    const { status, body, retryAfterMs } = await ask(path, asked);
    this.#busy -= 1;
    if (asked !== this.#token.text) {
      // What came is perhaps another tenant's device of the same name.
      this.#again(device);
    } else if (status === 200) {
      this.#onHistory(device, body.telemetry);
    } else if (status === 0 || status === 429 || status >= 500) {
      this.#again(device);
      this.#pausedUntil = Date.now() + Math.max(retryAfterMs, PAUSE_MS) * (1 + Math.random());
    }
    this.#next();
  }

  #again(device) {
    if (this.#followed.has(device)) this.#wanted.add(device);
  }
}
