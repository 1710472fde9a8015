// The segments of a run, what is not complete first. A year has thousands of them: a few are shown, and filters find the others.

import { fill, h, keyed, put } from "./dom.js";
import { day, days, number } from "./format.js";
import { badge, button, field, row, table } from "./parts.js";
import { failure, isComplete, named } from "./verdict.js";
import { isOver } from "./run-words.js";
import { learn, t, tOr } from "./words.js";

learn({
  en: {
    "segments.title": "Segments", "segments.what": "Modalidade", "segments.day": "Day", "segments.state": "State",
    "segments.pages": "Pages", "segments.records": "Records", "segments.inserted": "New", "segments.updated": "Updated",
    "segments.unchanged": "Unchanged", "segments.quarantined": "Set aside", "segments.of": "{got} of {all}",
    "segments.tries": "{n} {n|try|tries}", "segments.all": "All", "segments.left": "Not complete",
    "segments.more": "Show {n} more", "segments.shown": "{n} of {all} shown", "segments.none": "No segment fits.",
    "state.broken_off": "Broken off", "state.not_begun": "Not begun",
    "segments.unplanned": "Its segments are planned when a worker begins it.", "segments.every": "Every modalidade",
    "segments.days": "Every day", "segments.filter": "Filter segments by state",
  },
  pt: {
    "segments.title": "Segmentos", "segments.what": "Modalidade", "segments.day": "Dia", "segments.state": "Estado",
    "segments.pages": "Páginas", "segments.records": "Registros", "segments.inserted": "Novos",
    "segments.updated": "Atualizados", "segments.unchanged": "Inalterados", "segments.quarantined": "Separados",
    "segments.of": "{got} de {all}", "segments.tries": "{n} {n|tentativa|tentativas}", "segments.all": "Todos",
    "segments.left": "Não completos", "segments.more": "Mostrar mais {n}", "segments.shown": "{n} de {all} mostrados",
    "segments.none": "Nenhum segmento corresponde.", "state.broken_off": "Interrompido", "state.not_begun": "Não iniciado",
    "segments.unplanned": "Os segmentos são planejados quando um worker começa.", "segments.every": "Todas as modalidades",
    "segments.days": "Todos os dias", "segments.filter": "Filtrar segmentos por estado",
  },
});

const STEP = 100;
/** What a person looks for comes first. */
const ORDER = ["failed", "incomplete", "suspected_outage", "broken_off", "running", "not_begun", "pending", "complete"];
const COUNTS = ["inserted", "updated", "unchanged", "quarantined"];
/** Where the run is over nobody reads on. */
const LEFT = { running: "broken_off", pending: "not_begun" };

/** `{element, update(run)}`. */
export function segments() {
  const chosen = { state: null, modalidade: "", day: "", most: STEP };
  let run = null;
  const headings = ["what", "day", "state"].map((name) => t(`segments.${name}`));
  for (const name of ["pages", "records", ...COUNTS]) headings.push({ text: t(`segments.${name}`), kind: "number" });
  const chips = h("div", { class: "chips", role: "group", "aria-label": t("segments.filter") });
  const which = picker("modalidade", t("segments.what"));
  const when = picker("day", t("segments.day"));
  const shown = table(t("segments.title"), headings, [], { id: "segments-table" });
  const body = shown.querySelector("tbody");
  const said = h("p", { class: "quiet" });
  const more = button("", () => draw((chosen.most += STEP)), { id: "segments-more", hidden: true });
  const pickers = [field(t("segments.what"), which, { name: "segment-modalidade" }), field(t("segments.day"), when, { name: "segment-day" })];
  const filters = h("div", { class: "row filter" }, pickers);
  const title = h("h2", { id: "segments-title" }, t("segments.title"));
  const element = h("section", { class: "card list", id: "run-segments", "aria-labelledby": title.id }, title, chips, filters, shown, said, more);
  chips.addEventListener("click", (event) => {
    const chip = event.target.closest("button");
    if (!chip) return;
    Object.assign(chosen, { state: chip.dataset.key, most: STEP });
    draw();
  });

  function picker(name, label) {
    const made = h("select", { name, "aria-label": label });
    made.addEventListener("change", () => {
      Object.assign(chosen, { [name]: made.value, most: STEP });
      draw();
    });
    return made;
  }

  function draw() {
    const all = isOver(run) ? run.segments.map(leftAlone) : run.segments;
    const left = all.filter((segment) => !isComplete(segment)).length;
    const state = chosen.state ?? (isOver(run) && left ? "left" : "all");
    chips.hidden = all.length === 0;
    put(chips, chipsOf(all, left, state));
    filters.hidden = all.length <= STEP / 2;
    const fits = all.filter((segment) => isWanted(segment, { ...chosen, state })).sort(byTrouble);
    const some = fits.slice(0, chosen.most);
    keyed(body, some, (it) => `${it.endpoint}-${it.modalidade}-${it.day_from}`, (it) => it, (it) => line(it, headings));
    shown.hidden = some.length === 0;
    const found = fits.length ? t("segments.shown", { n: some.length, all: fits.length }) : t("segments.none");
    said.textContent = all.length ? found : t("segments.unplanned");
    more.hidden = fits.length <= some.length;
    more.textContent = t("segments.more", { n: Math.min(STEP, fits.length - some.length) });
  }

  return {
    element,
    update(now) {
      if (run?.segments.length !== now.segments.length) {
        const [numbers, days] = [now.segments.map((it) => it.modalidade), now.segments.map((it) => it.day_from)];
        options(which, t("segments.every"), numbers, (number) => named({ modalidade: number }), (one, other) => one - other);
        options(when, t("segments.days"), days, day);
      }
      run = now;
      draw();
    },
  };
}

/** Each value once, in order; what was chosen stays. */
function options(select, every, values, words, order) {
  const { value } = select;
  const each = [...new Set(values)].sort(order);
  fill(select, h("option", { value: "" }, every), each.map((one) => h("option", { value: one }, words(one))));
  select.value = value;
}

const leftAlone = (segment) => ({ ...segment, state: LEFT[segment.state] ?? segment.state });

function isWanted(segment, { state, modalidade, day: wanted }) {
  const inState = state === "all" || (state === "left" ? !isComplete(segment) : segment.state === state);
  return inState && (!modalidade || String(segment.modalidade) === modalidade) && (!wanted || segment.day_from === wanted);
}

function byTrouble(one, other) {
  const trouble = ORDER.indexOf(one.state) - ORDER.indexOf(other.state);
  return trouble || one.day_from.localeCompare(other.day_from) || one.modalidade - other.modalidade;
}

function chipsOf(all, left, state) {
  const counts = ORDER.map((name) => [name, tOr(`state.${name}`, name), all.filter((segment) => segment.state === name).length]);
  const chips = [["all", t("segments.all"), all.length], ["left", t("segments.left"), left], ...counts.filter(([, , count]) => count)];
  return chips.map(([name, words, count]) => {
    const properties = { type: "button", class: "plain chip", "data-key": name, "aria-pressed": String(name === state) };
    return h("button", properties, `${words} `, h("b", {}, number(count)));
  });
}

function line(segment, headings) {
  const why = [failure(segment), segment.last_error].filter(Boolean);
  const tries = segment.attempts > 1 ? h("span", { class: "quiet" }, t("segments.tries", { n: segment.attempts })) : null;
  const of = (got, all) => (all === null ? number(got) : t("segments.of", { got, all }));
  const span = segment.day_from === segment.day_to ? day(segment.day_from) : days(segment.day_from, segment.day_to);
  const cells = [
    h("span", {}, h("span", { class: "what" }, named(segment)), why.length ? h("span", { class: "wrong" }, why.join(": ")) : null),
    span,
    h("span", {}, badge(segment.state), tries),
    of(segment.pages_done, segment.pages_total),
    of(segment.got, segment.expected),
    ...COUNTS.map((name) => h("span", { class: segment[name] ? null : "zero" }, number(segment[name]))),
  ];
  return row(headings, cells);
}
