// The sections and rows that the tiles of the board stand in: made when the first tile needs them,
// gone with the last, always in natural order. Which ref belongs where is decided in units.js.

import { arrangement, byRef } from "./units.js";
import { say } from "./words.js";

/**
 * @typedef {import("./board.js").Tile} Tile
 * @typedef {{ section: Section, key: string, element: HTMLElement, cells: HTMLElement, tiles: Tile[] }} Row
 * @typedef {{ key: string, element: HTMLElement, grid: HTMLElement, rows: Row[] }} Section
 */

export class Floors {
  #root;
  /** @type {Section[]} */
  #sections = [];
  #place = arrangement([]);

  /** @param {HTMLElement} root  takes the sections */
  constructor(root) {
    this.#root = root;
  }

  /** Lays out by what all these refs suggest, from now on. */
  learn(refs) {
    this.#place = arrangement(refs);
  }

  /** Puts a tile where its ref belongs; one that stands there already is not touched. */
  settle(tile) {
    const place = this.#place(tile.ref);
    if (tile.row?.key === place.row && tile.row.section.key === place.section) return;
    const focused = document.activeElement === tile.cell;
    if (tile.row) this.unsettle(tile);
    tile.row = this.#row(this.#section(place.section), place.row);
    const { tiles, cells } = tile.row;
    const at = position(tiles, tile.ref, (other) => other.ref);
    cells.insertBefore(tile.cell, tiles[at]?.cell ?? null);
    tiles.splice(at, 0, tile);
    if (focused) tile.cell.focus(); // moving a node takes the focus from it
  }

  /** Takes a tile away, and what is empty then. */
  unsettle(tile) {
    const { row } = tile;
    const { section } = row;
    tile.row = null;
    tile.cell.remove();
    drop(row.tiles, tile);
    if (row.tiles.length > 0) return;
    row.element.remove();
    drop(section.rows, row);
    if (section.rows.length > 0) return;
    section.element.remove();
    drop(this.#sections, section);
    this.#root.classList.toggle("one-section", this.#sections.length === 1);
  }

  get longestRow() {
    return Math.max(1, ...this.#sections.flatMap(({ rows }) => rows.map(({ tiles }) => tiles.length)));
  }

  #section(key) {
    const at = position(this.#sections, key, (other) => other.key);
    if (this.#sections[at]?.key === key) return this.#sections[at];
    const element = document.createElement("section");
    const title = element.appendChild(document.createElement("h3"));
    const grid = element.appendChild(document.createElement("div"));
    element.className = "block";
    title.textContent = key || say("otherUnits");
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

function drop(list, item) {
  list.splice(list.indexOf(item), 1);
}
