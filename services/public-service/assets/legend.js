// The legend: how many units have each status, as buttons that filter the board, and as a bar.

import { STATUSES } from "./units.js";
import { say, sayNumber, sayUnits } from "./words.js";

export class Legend {
  #buttons = new Map();
  #parts = new Map();
  #counts = new Map(STATUSES.map((status) => [status, 0]));
  #chosen = new Set();
  #total = document.getElementById("legend-total");
  #showAll = document.getElementById("show-all");
  #onFilter;

  /** @param {(chosen: Set<string>) => void} onFilter  an empty set means all */
  constructor(onFilter) {
    this.#onFilter = onFilter;
    const buttons = document.getElementById("legend-buttons");
    const share = document.getElementById("share");
    for (const status of STATUSES) {
      this.#buttons.set(status, this.#button(status));
      const part = share.appendChild(document.createElement("span"));
      part.className = `is-${status}`;
      this.#parts.set(status, part);
    }
    buttons.prepend(...this.#buttons.values());
    this.#showAll.addEventListener("click", () => this.#clear());
    this.#draw();
  }

  /** @param {import("./board.js").Change[]} changes */
  count(changes) {
    for (const { from, to } of changes) {
      if (from) this.#counts.set(from, this.#counts.get(from) - 1);
      if (to) this.#counts.set(to, this.#counts.get(to) + 1);
    }
    this.#draw();
  }

  #button(status) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "legend-button";
    button.ariaPressed = "false";
    const sign = document.createElement("span");
    sign.className = `sign is-${status}`;
    const name = document.createElement("span");
    name.textContent = say(status);
    const count = document.createElement("b");
    button.append(sign, count, name);
    button.addEventListener("click", () => this.#toggle(status));
    return button;
  }

  #toggle(status) {
    if (!this.#chosen.delete(status)) this.#chosen.add(status);
    if (this.#chosen.size === STATUSES.length) this.#chosen.clear();
    this.#filtered();
  }

  #clear() {
    this.#chosen.clear();
    this.#filtered();
    this.#buttons.get(STATUSES[0]).focus(); // the button just pressed goes away
  }

  #filtered() {
    this.#onFilter(this.#chosen);
    this.#draw();
  }

  #draw() {
    let total = 0;
    let shown = 0;
    for (const status of STATUSES) {
      const count = this.#counts.get(status);
      const chosen = this.#chosen.has(status);
      total += count;
      if (chosen) shown += count;
      const button = this.#buttons.get(status);
      button.ariaPressed = String(chosen);
      setText(button.querySelector("b"), sayNumber(count));
      this.#parts.get(status).style.flexGrow = String(count);
    }
    this.#showAll.hidden = this.#chosen.size === 0;
    setText(this.#total, this.#chosen.size === 0 ? sayUnits(total) : say("onlyShown", { shown, total }));
  }
}

/** A text that is the same is not set again: screen readers would repeat it. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
