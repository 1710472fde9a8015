// The devices: one card each, with the newest value of every metric and a curve of its last ones. Changed in place, at
// most once per animation frame. What devices say is text, never markup. It knows nothing of the network.

import { Metrics } from "./metrics.js";
import { foreign, say, sayAge, sayTime } from "./words.js";

const TICK_MS = 1_000;
const STATUSES = { ONLINE: "online", STALE: "stale", OFFLINE: "offline" };

/** @typedef {{ device_id: string, site_id: string|null, status: string }} Device */

export class Devices {
  #list = document.getElementById("cards");
  #template = document.getElementById("card");
  /** @type {Map<string, { card: HTMLElement, metrics: Metrics, site: string, at: number|null }>} */
  #shown = new Map();
  #changed = new Set();
  #frame = 0;
  #onCard;

  /** @param {{ added: (card: HTMLElement) => void, removed: (card: HTMLElement) => void }} onCard */
  constructor(onCard) {
    this.#onCard = onCard;
    setInterval(() => this.#age(), TICK_MS);
  }

  /** Shows exactly these devices, in this order. Cards that stay keep what they show. @param {Device[]} devices */
  replace(devices) {
    const named = new Set(devices.map((device) => device.device_id));
    for (const [id, { card }] of this.#shown) {
      if (named.has(id)) continue;
      this.#onCard.removed(card);
      card.remove();
      this.#shown.delete(id);
    }
    for (const [index, device] of devices.entries()) {
      const { card } = this.#shown.get(device.device_id) ?? this.#add(device.device_id);
      this.#describe(device);
      // Only what is out of place is moved: moving a card takes the reader's place in it away.
      const place = this.#list.children[index];
      if (place !== card) this.#list.insertBefore(card, place ?? null);
    }
  }

  clear() {
    this.replace([]);
  }

  /** The newest reading of a device. */
  tell(id, { timestamp, metrics }) {
    const shown = this.#shown.get(id);
    if (!shown) return;
    const at = Date.parse(timestamp);
    shown.at = Math.max(shown.at ?? 0, at);
    shown.metrics.add(at, metrics);
    this.#draw(id);
  }

  /** What a device said before, newest first. */
  recall(id, readings) {
    const shown = this.#shown.get(id);
    if (!shown || readings.length === 0) return;
    const past = readings.map(({ timestamp, metrics }) => ({ at: Date.parse(timestamp), metrics }));
    shown.at = Math.max(shown.at ?? 0, past[0].at);
    shown.metrics.recall(past.reverse());
    this.#draw(id);
  }

  #add(id) {
    const card = this.#template.content.firstElementChild.cloneNode(true);
    card.dataset.device = id;
    card.querySelector(".device-name").textContent = id;
    const shown = { card, metrics: new Metrics(card.querySelector(".metrics")), site: "", at: null };
    this.#shown.set(id, shown);
    this.#list.append(card);
    this.#onCard.added(card);
    return shown;
  }

  #describe({ device_id: id, site_id: site, status }) {
    const shown = this.#shown.get(id);
    const word = STATUSES[status] ?? "offline";
    const badge = shown.card.querySelector(".badge");
    badge.className = `badge is-${word}`;
    badge.textContent = say(word);
    shown.site = site ?? "";
    this.#ageOf(shown);
  }

  #draw(id) {
    this.#changed.add(id);
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      for (const changed of this.#changed) {
        const shown = this.#shown.get(changed);
        shown?.metrics.draw();
        if (shown) this.#ageOf(shown);
      }
      this.#changed.clear();
    });
  }

  #age() {
    for (const shown of this.#shown.values()) this.#ageOf(shown);
  }

  #ageOf({ card, site, at }) {
    const when = at === null ? say("noReading") : say("ago", { age: sayAge(Date.now() - at) });
    const line = card.querySelector(".device-when");
    const text = site ? `${site} · ${when}` : when;
    if (line.textContent !== text) line.replaceChildren(...(site ? [foreign(site), " · "] : []), when);
    line.title = at === null ? "" : sayTime(at);
  }
}
