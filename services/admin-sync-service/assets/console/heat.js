// The map of coverage: modalidades by days, as a grid that arrow keys walk. What a cell means in words, and what happens when one is
// chosen, is its page's business.

import { h } from "./dom.js";
import { locale, t } from "./words.js";

const DAYS_OF_A_PAGE = 7;

/**
 * A grid of `view` (an answer of /sync/coverage). `rows` are `{number, name}` in the order of the answer. `label(cell)` says what a
 * cell is to whoever cannot see it, `here(cell)` is called for the cell under pointer or keyboard (null: what was chosen),
 * `chosen(from, to, cell)` for one that was chosen, or, without a cell, for days up to another one.
 */
export function heat(view, rows, today, { label, here, chosen }) {
  const days = view.days.filter((_, place) => place % rows.length === 0).map(({ day }) => day);
  const cellAt = (row, column) => view.days[column * rows.length + row];
  const heads = days.map((day) => dayHead(day, today));
  const lines = rows.map((row, place) => line(row, days, (column) => cellAt(place, column), label));
  const table = grid(days, heads, lines);
  const box = h("div", { class: "heat-box", id: "heat" }, table);
  const tds = lines.map((row) => [...row.cells].slice(1));
  const walk = walker(tds);
  const pick = picker(tds, (from, to, only) => chosen(days[from], days[to], only && cellAt(...only)));
  function point(target) {
    for (const marked of table.querySelectorAll(".is-here")) marked.classList.remove("is-here");
    if (!target) return;
    heads[target[1]].classList.add("is-here");
    lines[target[0]].firstElementChild.classList.add("is-here");
    here(cellAt(...target));
  }
  minded(table.tBodies[0], { walk, pick, point, rest: () => here(null) });
  return {
    element: box,
    /** Shows the newest days; only works in the document. */
    scrollToEnd: () => box.scrollTo({ left: box.scrollWidth }),
    /** Moves the keyboard to the next cell (in time: `step` 1, or -1 back) that `wanted`; false where there is none. */
    jump(step, wanted) {
      const [row, column] = walk.at();
      const count = days.length * rows.length;
      for (let index = column * rows.length + row + step; index >= 0 && index < count; index += step) {
        if (!wanted(view.days[index])) continue;
        walk.stand([index % rows.length, Math.floor(index / rows.length)], true);
        return true;
      }
      return false;
    },
    /** What has changed since; `fresh` is of the same days. */
    update(fresh) {
      view = fresh;
      for (const [row, cells] of tds.entries()) for (const [column, td] of cells.entries()) paint(td, cellAt(row, column), label);
    },
  };
}

function grid(days, heads, lines) {
  const table = h(
    "table",
    { class: days.length > 100 ? "heat is-narrow" : "heat", role: "grid", "aria-labelledby": "heat-title", "aria-describedby": "heat-keys", "aria-multiselectable": "true" },
    h("thead", {}, months(days), h("tr", {}, heads)),
    h("tbody", {}, lines),
  );
  table.style.setProperty("--days", days.length);
  return table;
}

/** The one cell in the tab order, `at()`; at first the newest day. */
function walker(tds) {
  const last = [tds.length - 1, tds[0].length - 1];
  let at = [0, last[1]];
  tds[0][at[1]].tabIndex = 0;
  return {
    at: () => at,
    stand([row, column], focus) {
      const [old, next] = [tds[at[0]][at[1]], tds[row][column]];
      // Taking it from the cell that has the keyboard would take the keyboard, too.
      if (old !== next) old.removeAttribute("tabindex");
      next.tabIndex = 0;
      at = [row, column];
      if (focus) next.focus();
    },
    /** Where the key leads; null for keys that do not walk. */
    led: (event) => walked(event, at, last),
  };
}

/** What is chosen: a cell, or all days up to another one. */
function picker(tds, chosen) {
  let anchor = null;
  let picked = [];
  return {
    isBegun: () => anchor !== null,
    /** A stretch that is begun from the keyboard begins where it stood. */
    begin: (at) => (anchor ??= at),
    choose(target, stretch) {
      for (const td of picked) td.removeAttribute("aria-selected");
      anchor = stretch && anchor ? anchor : target;
      const [from, to] = [anchor[1], target[1]].toSorted((a, b) => a - b);
      picked = stretch ? tds.flatMap((row) => row.slice(from, to + 1)) : [tds[target[0]][target[1]]];
      for (const td of picked) td.setAttribute("aria-selected", "true");
      chosen(from, to, from === to && !stretch ? target : null);
    },
  };
}

/** Pointer and keyboard on the cells of `body`. `rest` is called when the pointer has left and something is chosen. */
function minded(body, { walk, pick, point, rest }) {
  const place = (td) => [td.parentElement.sectionRowIndex, td.cellIndex - 1];
  let pointer = "";
  body.addEventListener("pointerover", ({ target, screenX, screenY }) => {
    // Where the map moves under a pointer that rests, the keyboard is walking.
    if (pointer === (pointer = `${screenX} ${screenY}`)) return;
    point(target.nodeName === "TD" ? place(target) : null);
  });
  body.addEventListener("pointermove", ({ screenX, screenY }) => (pointer = `${screenX} ${screenY}`));
  body.addEventListener("pointerleave", () => {
    point(body.contains(document.activeElement) ? walk.at() : null);
    if (pick.isBegun()) rest();
  });
  body.addEventListener("focusin", ({ target }) => {
    if (target.nodeName !== "TD") return;
    walk.stand(place(target), false);
    point(walk.at());
  });
  // What is told of the cell stays: the keyboard may be on its way there.
  body.addEventListener("focusout", () => point(null));
  body.addEventListener("click", ({ target, shiftKey }) => {
    if (target.nodeName !== "TD") return;
    walk.stand(place(target), true);
    pick.choose(walk.at(), shiftKey);
  });
  // A press with Shift would mark text.
  body.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
  body.addEventListener("keydown", (event) => pressed(event, walk, pick));
}

function pressed(event, walk, pick) {
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    pick.choose(walk.at(), event.shiftKey);
    return;
  }
  const next = walk.led(event);
  if (!next) return;
  event.preventDefault();
  if (event.shiftKey) pick.begin(walk.at());
  walk.stand(next, true);
  if (event.shiftKey) pick.choose(next, true);
}

/** Where a key leads from `[row, column]`; null for keys that do not walk. */
function walked({ key, ctrlKey, metaKey, altKey }, [row, column], [lastRow, lastColumn]) {
  if (altKey) return null;
  const whole = ctrlKey || metaKey;
  const to = (row, column) => [Math.min(Math.max(row, 0), lastRow), Math.min(Math.max(column, 0), lastColumn)];
  switch (key) {
    case "ArrowLeft":
      return to(row, column - 1);
    case "ArrowRight":
      return to(row, column + 1);
    case "ArrowUp":
      return to(row - 1, column);
    case "ArrowDown":
      return to(row + 1, column);
    case "PageUp":
      return to(row, column - DAYS_OF_A_PAGE);
    case "PageDown":
      return to(row, column + DAYS_OF_A_PAGE);
    case "Home":
      return to(whole ? 0 : row, 0);
    case "End":
      return to(whole ? lastRow : row, lastColumn);
    default:
      return null;
  }
}

/** A month over its days. */
function months(days) {
  const style = new Intl.DateTimeFormat(locale, { month: "short", timeZone: "UTC" });
  const runs = [];
  for (const day of days) {
    if (runs.at(-1)?.month === day.slice(0, 7)) runs.at(-1).span += 1;
    else runs.push({ month: day.slice(0, 7), span: 1 });
  }
  // The year once: a name has to fit over the few days of a month that a phone shows.
  const words = ({ month, span }, place) => {
    const name = style.format(new Date(`${month}-01T00:00:00Z`));
    return span > 3 && (place === 0 || month.endsWith("-01")) ? `${name} ${month.slice(0, 4)}` : name;
  };
  const heads = runs.map((run, place) => h("th", { scope: "colgroup", colspan: run.span, class: "month" }, h("span", {}, words(run, place))));
  return h("tr", {}, h("th", { scope: "col", rowspan: 2, class: "corner" }, t("coverage.modalidade")), heads);
}

function dayHead(day, today) {
  const date = new Date(`${day}T00:00:00Z`);
  const rests = date.getUTCDay() % 6 === 0;
  const kinds = ["day", rests && "is-weekend", day === today && "is-today", day.endsWith("-01") && "is-first"].filter(Boolean);
  return h("th", { scope: "col", class: kinds.join(" "), "aria-label": day === today ? `${long(date)}, ${t("coverage.now")}` : long(date) }, String(date.getUTCDate()));
}

const longs = new Map();

/** `Fri, Nov 27, 2026`. Making a format is slow, and there are hundreds of days. */
function long(date) {
  if (!longs.has(locale)) longs.set(locale, new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }));
  return longs.get(locale).format(date);
}

export const longDay = (day) => long(new Date(`${day}T00:00:00Z`));

function line(row, days, cellAt, label) {
  const head = h("th", { scope: "row", title: row.name || null }, h("b", {}, String(row.number)), row.name ? h("span", { lang: "pt-BR" }, row.name) : null);
  return h("tr", {}, head, days.map((_, column) => paint(document.createElement("td"), cellAt(column), label)));
}

function paint(td, cell, label) {
  const says = `${cell.state} ${cell.expected} ${cell.got}`;
  if (td.says === says) return td;
  td.says = says;
  const first = cell.day.endsWith("-01") ? " is-first" : "";
  td.className = `is-${cell.state}${first}`;
  td.setAttribute("aria-label", label(cell));
  return td;
}
