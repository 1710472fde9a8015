// The board: one DOM node per unit, changed in place, at most once per animation frame.
// It knows nothing of the network; keys and focus are in keyboard.js.

import { STATUSES, arrangement, byRef, knownStatus } from "./units.js";
import { say } from "./words.js";

/**
 * @typedef {{ ref: string, from: string|null, to: string|null }} Change  null: was or is not there
 * @typedef {{ ref: string, status: string, cell: HTMLElement, row: Row }} Tile
 * @typedef {{ section: Section, key: string, element: HTMLElement, cells: HTMLElement, tiles: Tile[] }} Row
 * @typedef {{ key: string, element: HTMLElement, grid: HTMLElement, rows: Row[] }} Section
 */

/** Above this many at once a flash shows nothing to anybody, and costs a layer per unit. */
const FLASHES_AT_ONCE = 200;

export class Board {
  #root;
  #onChange;
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  /** @type {Section[]} */
  #sections = [];
  /** What to show next, per ref; null takes the unit away. Bounded by the number of units. */
  #pending = new Map();
  #placeAll = false;
  #frame = 0;
  #place = arrangement([]);

  /**
   * @param {HTMLElement} root  takes the sections
   * @param {(changes: Change[], first: boolean) => void} onChange  after each frame that changed something
   */
  constructor(root, onChange) {
    this.#root = root;
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
      this.#rearrange(pending.flatMap(([ref, status]) => (status === null ? [] : [ref])));
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
    this.#settle(tile);
    return tile;
  }

  #remove(tile) {
    const { tiles } = tile.row;
    const at = tiles.indexOf(tile);
    const neighbour = tiles[at + 1] ?? tiles[at - 1];
    if (document.activeElement === tile.cell) neighbour?.cell.focus();
    this.#tiles.delete(tile.ref);
    this.#unsettle(tile);
  }

  /** A snapshot may bring refs that tell more (or less) about floors: tiles that sit wrong move. */
  #rearrange(refs) {
    this.#place = arrangement(refs);
    for (const tile of this.#tiles.values()) {
      const { section, row } = this.#place(tile.ref);
      if (tile.row.section.key === section && tile.row.key === row) continue;
      const focused = document.activeElement === tile.cell;
      this.#unsettle(tile);
      this.#settle(tile);
      if (focused) tile.cell.focus();
    }
  }

  #settle(tile) {
    const place = this.#place(tile.ref);
    tile.row = this.#row(this.#section(place.section), place.row);
    const { tiles, cells } = tile.row;
    const at = position(tiles, tile.ref, (other) => other.ref);
    cells.insertBefore(tile.cell, tiles[at]?.cell ?? null);
    tiles.splice(at, 0, tile);
  }

  #unsettle(tile) {
    const { row } = tile;
    const { section } = row;
    row.tiles.splice(row.tiles.indexOf(tile), 1);
    tile.cell.remove();
    if (row.tiles.length > 0) return;
    section.rows.splice(section.rows.indexOf(row), 1);
    row.element.remove();
    if (section.rows.length > 0) return;
    this.#sections.splice(this.#sections.indexOf(section), 1);
    section.element.remove();
    this.#root.classList.toggle("one-section", this.#sections.length === 1);
  }

  #section(key) {
    const at = position(this.#sections, key, (other) => other.key);
    if (this.#sections[at]?.key === key) return this.#sections[at];
    const name = key || say("otherUnits");
    const element = document.createElement("section");
    const title = element.appendChild(document.createElement("h3"));
    const grid = element.appendChild(document.createElement("div"));
    element.className = "block";
    title.textContent = name;
    grid.className = "grid";
    grid.setAttribute("role", "grid");
    grid.ariaLabel = key || say("board");
    const section = { key, element, grid, rows: [] };
    this.#root.insertBefore(element, this.#sections[at]?.element ?? null);
    this.#sections.splice(at, 0, section);
    this.#root.classList.toggle("one-section", this.#sections.length === 1);
    return section;
  }

  #row(section, key) {
    const { rows, grid } = section;
    const at = position(rows, key, (other) => other.key);
    if (rows[at]?.key === key) return rows[at];
    const element = document.createElement("div");
    const label = document.createElement("span");
    element.className = "floor";
    element.setAttribute("role", "row");
    // The cells lie in a box of their own, so that what wraps stays right of the label.
    const cells = document.createElement("div");
    cells.className = "cells";
    cells.setAttribute("role", "presentation");
    if (key) {
      label.className = "floor-name";
      label.setAttribute("role", "rowheader");
      label.textContent = key;
      element.append(label);
    }
    element.append(cells);
    const row = { section, key, element, cells, tiles: [] };
    grid.insertBefore(element, rows[at]?.element ?? null);
    rows.splice(at, 0, row);
    return row;
  }

  /** Tells the style what tiles need: the length of nearly all refs, and of the longest row. */
  #sizeTiles() {
    const lengths = [...this.#tiles.keys()].map((ref) => ref.length).sort((a, b) => a - b);
    const usual = lengths[Math.floor(lengths.length * 0.98)];
    const rows = this.#sections.flatMap((section) => section.rows);
    const longest = Math.max(...rows.map((row) => row.tiles.length));
    this.#root.style.setProperty("--ref-length", String(Math.min(Math.max(usual, 3), 18)));
    this.#root.style.setProperty("--longest-row", String(longest));
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

/** Where `key` stands, or belongs, in a sorted list. */
function position(list, key, keyOf) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byRef(keyOf(list[middle]), key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
