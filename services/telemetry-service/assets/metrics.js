// The metrics of one card: a row each. Numbers get a curve of the last readings; texts, truth values, lists and objects
// are written as they are.

import { DEPTH } from "./history.js";
import { drawCurve, makeCurve } from "./sparkline.js";
import { say, sayNumber } from "./words.js";

/** Characters of a list or an object that are shown. */
const LONGEST = 80;

export class Metrics {
  #root;
  /** @type {Map<string, { row: HTMLElement, value: HTMLElement, curve: SVGElement|null, points: object[], latest: any, at: number }>} */
  #rows = new Map();
  #changed = new Set();
  #newest = -Infinity;

  /** @param {HTMLElement} root  a `dl` */
  constructor(root) {
    this.#root = root;
  }

  /** A reading; `draw` shows it. */
  add(at, metrics) {
    this.#newest = Math.max(this.#newest, at);
    for (const [name, value] of Object.entries(metrics)) {
      const row = this.#rows.get(name) ?? this.#make(name);
      if (at < row.at) continue; // an older one than is shown
      if (at > row.at && Number.isFinite(value)) row.points.push({ at, value });
      if (row.points.length > DEPTH) row.points.shift();
      Object.assign(row, { latest: value, at });
      this.#changed.add(row);
    }
  }

  /** Readings of before, oldest first: they go in front of what is known already. */
  recall(past) {
    const known = [...this.#rows.values()].map((row) => [row, row.points, row.at, row.latest]);
    for (const row of this.#rows.values()) Object.assign(row, { points: [], at: -Infinity });
    for (const { at, metrics } of past) this.add(at, metrics);
    for (const [row, points, at, latest] of known) {
      for (const point of points) if (point.at > row.at) row.points.push(point);
      row.points.splice(0, row.points.length - DEPTH);
      if (at > row.at) Object.assign(row, { at, latest });
      this.#changed.add(row);
    }
  }

  draw() {
    for (const row of this.#changed) this.#drawRow(row);
    this.#changed.clear();
    // What the newest reading does not name is of an older one, and must not look new.
    for (const { row, at } of this.#rows.values()) row.classList.toggle("is-past", at < this.#newest);
  }

  #make(name) {
    const row = document.createElement("div");
    const term = row.appendChild(document.createElement("dt"));
    const value = row.appendChild(document.createElement("dd"));
    term.textContent = name;
    row.className = "metric";
    value.className = "value";
    const before = [...this.#rows].filter(([other]) => other < name).length;
    this.#root.insertBefore(row, this.#root.children[before] ?? null);
    const made = { name, row, value, curve: null, points: [], latest: undefined, at: -Infinity };
    this.#rows.set(name, made);
    return made;
  }

  #drawRow(row) {
    const text = written(row.latest);
    row.value.classList.toggle("is-raw", typeof row.latest === "object");
    if (row.value.textContent !== text) {
      const first = row.value.textContent === "";
      row.value.textContent = text;
      // Two names for one animation: changing from one to the other starts it again.
      const again = row.value.classList.contains("changed-a");
      row.value.classList.toggle("changed-a", !first && !again);
      row.value.classList.toggle("changed-b", !first && again);
    }
    if (row.points.length > 0 && Number.isFinite(row.latest)) this.#drawCurve(row);
    else row.curve?.parentElement.remove();
    if (!Number.isFinite(row.latest)) row.curve = null;
  }

  #drawCurve(row) {
    if (!row.curve) {
      row.curve = makeCurve();
      const cell = row.row.appendChild(document.createElement("dd"));
      cell.className = "trend";
      cell.append(row.curve);
    }
    drawCurve(row.curve, row.points);
    const values = row.points.map((point) => point.value);
    row.curve.ariaLabel = say("trend", {
      name: row.name,
      from: values[0],
      to: values.at(-1),
      n: values.length,
      low: Math.min(...values),
      high: Math.max(...values),
    });
  }
}

function written(value) {
  if (typeof value === "number") return sayNumber(value);
  if (typeof value === "string") return value === "" ? "“”" : value;
  // In one line, with places where it may be broken.
  const text = (JSON.stringify(value, null, 1) ?? "").replace(/\n\s*/g, " ");
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
