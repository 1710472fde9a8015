// The open alerts, worst first and newest first within a severity. Each list that comes replaces the one before; what
// came and went is announced. What alerts say is text, never markup.

import { foreign, say, sayAge, sayTime } from "./words.js";

/** From which severity on an alert is one of these. */
const GRADES = [[4, "critical"], [3, "high"], [2, "medium"], [-Infinity, "low"]];
/** More than these at once are not read out one by one. */
const ANNOUNCED = 3;
const TICK_MS = 30_000;

/** @typedef {{ alert_id: number, device_id: string|null, site_id: string|null, alert_type: string, severity: number,
 *    confidence: number|null, summary: string|null, created_at: string }} Alert */

export class Alerts {
  #root = document.getElementById("alerts");
  #empty = document.getElementById("alerts-empty");
  #count = document.getElementById("alerts-count");
  #announcer = document.getElementById("announcer");
  /** @type {Map<number, Alert>|null} null: not known */
  #known = null;
  #total = 0;

  constructor() {
    setInterval(() => this.#draw(), TICK_MS); // ages
  }

  /** @param {{ alerts: Alert[], total?: number }} told */
  replace({ alerts, total = alerts.length }) {
    const next = new Map(alerts.map((alert) => [alert.alert_id, alert]));
    if (this.#known) this.#announce(this.#known, next, total > alerts.length);
    this.#known = next;
    this.#total = total;
    this.#draw();
  }

  clear() {
    this.#known = null;
    this.#draw();
  }

  /** A list that is cut short does not say what was closed. */
  #announce(before, after, isCut) {
    const opened = [...after.values()].filter((alert) => !before.has(alert.alert_id));
    const closed = isCut ? [] : [...before.values()].filter((alert) => !after.has(alert.alert_id));
    const texts = [
      ...opened.map((alert) => say("alertOpened", { what: named(alert) })),
      ...closed.map((alert) => say("alertClosed", { what: named(alert) })),
    ];
    if (texts.length > 0) this.#announcer.textContent = texts.slice(0, ANNOUNCED).join(" ");
  }

  #draw() {
    const alerts = [...(this.#known?.values() ?? [])];
    this.#empty.hidden = alerts.length > 0;
    this.#empty.textContent = say(this.#known ? "alertsNone" : "alertsWait");
    const isCut = this.#total > alerts.length;
    const shown = isCut ? say("alertsSome", { shown: alerts.length, total: this.#total }) : String(alerts.length);
    this.#count.textContent = this.#known ? shown : "";
    alerts.sort((a, b) => b.severity - a.severity || Date.parse(b.created_at) - Date.parse(a.created_at));
    const groups = Map.groupBy(alerts, (alert) => GRADES.find(([from]) => alert.severity >= from)[1]);
    this.#root.replaceChildren(...[...groups].map(([grade, members]) => group(grade, members)));
  }
}

function group(grade, alerts) {
  const section = make("section", `grade is-${grade}`);
  const title = make("h3", "grade-name");
  title.append(make("span", "grade-sign"), `${say(grade)} `, make("span", "count", String(alerts.length)));
  title.firstElementChild.ariaHidden = "true";
  const list = make("ol", "");
  list.append(...alerts.map(item));
  section.append(title, list);
  return section;
}

function item(alert) {
  const opened = Date.parse(alert.created_at);
  const facts = [
    alert.device_id && foreign(alert.device_id),
    alert.site_id && foreign(alert.site_id),
    say("severity", { n: alert.severity }),
    alert.confidence !== null && say("confidence", { n: Math.round(alert.confidence * 100) }),
    say("sinceAge", { time: sayTime(opened), age: sayAge(Date.now() - opened) }),
  ];
  const entry = make("li", "alert");
  entry.dataset.alert = alert.alert_id;
  const about = make("p", "quiet");
  about.append(...facts.filter(Boolean).flatMap((fact, place) => (place ? [" · ", fact] : [fact])));
  entry.append(make("p", "alert-what", named(alert)), about);
  return entry;
}

const named = (alert) => alert.summary || alert.alert_type;

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
