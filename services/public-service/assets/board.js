// The board: one DOM node per unit, changed in place, at most once per animation frame.
// It knows nothing of the network; where tiles stand is in floors.js,
// keys and focus are in keyboard.js.

import { Floors } from "./floors.js";
import { STATUSES, byRef, knownStatus } from "./units.js";
import { say } from "./words.js";

/**
 * @typedef {{ ref: string, from: string|null, to: string|null }} Change  null: was or is not there
 * @typedef {import("./floors.js").Row} Row
 * @typedef {{ ref: string, status: string, cell: HTMLElement, row: Row|null }} Tile
 */

/** Above this many at once a flash shows nothing to anybody, and costs a layer per unit. */
const FLASHES_AT_ONCE = 200;

export class Board {
  #root;
  #floors;
  #onChange;
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  /** What to show next, per ref; null takes the unit away. Bounded by the number of units. */
  #pending = new Map();
  #placeAll = false;
  #frame = 0;

  /**
   * @param {HTMLElement} root  takes the sections
   * @param {(changes: Change[], first: boolean) => void} onChange  after each frame that changed something
   */
  constructor(root, onChange) {
    this.#root = root;
    this.#floors = new Floors(root);
    this.#onChange = onChange;
  }

  /** The board shall show exactly this. What already stands right is not touched. */
  replace(statuses) {
    this.#pending.clear();
    for (const ref of this.#tiles.keys()) this.#pending.set(ref, null);
    for (const [ref, status] of Object.entries(statuses)) this.#pending.set(ref, status);
    this.#placeAll = true;
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** The board shall show this beside what it shows. */
  change(updates, removed) {
    for (const [ref, status] of Object.entries(updates)) this.#pending.set(ref, status);
    for (const ref of removed) this.#pending.set(ref, null);
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const first = this.#tiles.size === 0;
    const pending = [...this.#pending];
    this.#pending.clear();
    if (this.#placeAll) {
      this.#placeAll = false;
      // In order, so that each new tile goes to the end of its row.
      pending.sort(([a], [b]) => byRef(a, b));
      this.#floors.learn(pending.flatMap(([ref, status]) => (status === null ? [] : [ref])));
      for (const tile of this.#tiles.values()) this.#floors.settle(tile);
    }
    const changes = this.#differing(pending);
    const flash = !first && changes.length <= FLASHES_AT_ONCE;
    for (const { ref, to } of changes) {
      const tile = this.#tiles.get(ref);
      if (to === null) this.#remove(tile);
      else this.#paint(tile ?? this.#add(ref), to, flash);
    }
    if (changes.some(({ from }) => from === null)) this.#sizeTiles();
    this.#onChange(changes, first);
  }

  /** @returns {Change[]} */
  #differing(pending) {
    const changes = [];
    for (const [ref, word] of pending) {
      const from = this.#tiles.get(ref)?.status ?? null;
      const to = word === null ? null : knownStatus(word);
      if (from !== to) changes.push({ ref, from, to });
    }
    return changes;
  }

  #paint(tile, status, flash) {
    const { cell } = tile;
    // Two names for one animation: changing from one to the other starts it again.
    const mark = flash ? (cell.classList.contains("changed-a") ? " changed-b" : " changed-a") : "";
    tile.status = status;
    cell.className = `unit is-${status}${mark}`;
    cell.ariaLabel = `${tile.ref}, ${say(status)}`;
  }

  #add(ref) {
    const cell = document.createElement("div");
    cell.setAttribute("role", "gridcell");
    cell.tabIndex = -1;
    cell.textContent = ref;
    const tile = { ref, status: "", cell, row: null };
    this.#tiles.set(ref, tile);
    this.#floors.settle(tile);
    return tile;
  }

  #remove(tile) {
    const { tiles } = tile.row;
    const at = tiles.indexOf(tile);
    const neighbour = tiles[at + 1] ?? tiles[at - 1];
    if (document.activeElement === tile.cell) neighbour?.cell.focus();
    this.#tiles.delete(tile.ref);
    this.#floors.unsettle(tile);
  }

  /** Tells the style what tiles need: the length of nearly all refs, and of the longest row. */
  #sizeTiles() {
    const lengths = [...this.#tiles.keys()].map((ref) => ref.length).sort((a, b) => a - b);
    const usual = lengths[Math.floor(lengths.length * 0.98)];
    this.#root.style.setProperty("--ref-length", String(Math.min(Math.max(usual, 3), 18)));
    this.#root.style.setProperty("--longest-row", String(this.#floors.longestRow));
    this.#root.classList.toggle("dense", this.#tiles.size > 600);
  }

  /** Shows only units of these statuses; none given: all. CSS does the work, no tile is touched. */
  filter(statuses) {
    this.#root.classList.toggle("filtered", statuses.size > 0);
    for (const status of STATUSES) this.#root.classList.toggle(`only-${status}`, statuses.has(status));
  }

  get size() {
    return this.#tiles.size;
  }
}
