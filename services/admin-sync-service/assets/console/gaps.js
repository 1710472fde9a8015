// What is missing in a coverage, as a list of days with a way to read them again. Words: coverage.js.

import { h } from "./dom.js";
import { shifted } from "./format.js";
import { longDay } from "./heat.js";
import { modalidade } from "./modalidades.js";
import { button, row, table } from "./parts.js";
import { locale, t } from "./words.js";

export const STATES = ["complete", "incomplete", "suspected_outage", "never"];
/** A backfill reads so many days at most. */
const MOST_DAYS = 365;
/** Gaps that are listed before somebody asks for all. */
const SHOWN = 10;

/** A state as the map draws it, and in words. */
export const sign = (state) => h("span", { class: "sign" }, h("span", { class: `swatch is-${state}`, "aria-hidden": "true" }), t(`coverage.state.${state}`));

/** To the form that asks for a run, with these days in it; the newest of them where they are too many for one. */
export function again(from, to, text, label, key) {
  const earliest = shifted(to, 1 - MOST_DAYS);
  const query = new URLSearchParams({ force: "backfill", from: from < earliest ? earliest : from, to });
  return h("a", { class: "plain", href: `/console/runs?${query}`, "aria-label": label, "data-key": key }, text);
}

/** Thousands of cells are told at once, and making a format is slow. */
export function counter() {
  const format = new Intl.NumberFormat(locale);
  return (value) => (value === null ? "" : format.format(value));
}

/** The list; `isGap(cell)` says what is missing, `most` how many modalidades there are, `list.all` whether somebody asked for all. */
export function gapTable(view, isGap, most, list) {
  const title = h("h2", { id: "gaps-title" }, t("coverage.gaps"));
  const all = gaps(view, isGap, MOST_DAYS);
  if (!all.length) return [title, h("p", { class: "quiet" }, t("coverage.gaps.none"))];
  const number = (name) => ({ text: t(name), kind: "number" });
  const headings = [t("coverage.gaps.days"), number("coverage.gaps.cells"), t("coverage.gaps.of"), t("coverage.gaps.why"), t("coverage.gaps.do")];
  const lines = (some) => some.map((gap) => row(headings, gapRow(gap, most), { id: `gap-${gap.from}` }));
  const made = table(t("coverage.gaps"), headings, lines(list.all ? all : all.slice(0, SHOWN)), { class: "scroller gaps" });
  const rest = button(t("coverage.gaps.rest", { n: all.length }), () => {
    const before = document.activeElement;
    list.all = true;
    made.querySelector("tbody").append(...lines(all.slice(SHOWN)));
    rest.hidden = true;
    if (before === rest) made.querySelectorAll("tbody tr")[SHOWN].querySelector("a").focus();
  });
  rest.hidden = list.all || all.length <= SHOWN;
  return [title, made, rest];
}

function gapRow({ from, to, days, cells }, most) {
  const count = counter();
  const span = days === 1 ? longDay(from) : `${longDay(from)} – ${longDay(to)}`;
  const whose = [...new Set(cells.map((cell) => cell.modalidade))];
  const names = whose.slice(0, 2).map(modalidade).join(", ");
  const who = whose.length === most ? t("coverage.gaps.all") : whose.length > 3 ? t("coverage.gaps.more", { names, n: whose.length - 2 }) : whose.map(modalidade).join(", ");
  const why = STATES.filter((state) => cells.some((cell) => cell.state === state)).map(sign);
  const text = days === 1 ? t("coverage.again.day") : t("coverage.again");
  return [span, count(cells.length), who, h("span", { class: "signs" }, why), again(from, to, text, `${text}: ${span}`, `gap-link-${from}`)];
}

/** Days next to each other, as `{from, to, cells}`, of those that have cells that are `missing`; newest first, at most `most` days each. */
function gaps(view, missing, most) {
  const found = [];
  for (const cell of view.days) {
    if (!missing(cell)) continue;
    const last = found.at(-1);
    const joins = last && (last.to === cell.day || shifted(last.to, 1) === cell.day);
    if (!joins || (last.days >= most && last.to !== cell.day)) {
      found.push({ from: cell.day, to: cell.day, days: 1, cells: [cell] });
      continue;
    }
    if (last.to !== cell.day) last.days += 1;
    last.to = cell.day;
    last.cells.push(cell);
  }
  return found.reverse();
}
