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
  #busy = 0;
  #pausedUntil = 0;
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
    this.#sight.observe(card);
  }

  unfollow(card) {
    this.#sight.unobserve(card);
    this.#wanted.delete(card.dataset.device);
  }

  #want(device, card) {
    this.#sight.unobserve(card);
    this.#wanted.add(device);
    this.#next();
  }

  #next() {
    const pause = this.#pausedUntil - Date.now();
    if (pause > 0) {
      setTimeout(() => this.#next(), pause);
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
    const { status, body, retryAfterMs } = await ask(path, this.#token.text);
    this.#busy -= 1;
    if (status === 200) {
      this.#onHistory(device, body.telemetry);
    } else if (status === 0 || status === 429 || status >= 500) {
      this.#wanted.add(device);
      this.#pausedUntil = Date.now() + Math.max(retryAfterMs, PAUSE_MS) * (1 + Math.random());
    }
    this.#next();
  }
}
