// Coverage: of which days and modalidades everything is proven to be here, where it is not, and the way to read it again.

import { ApiError, get } from "./api.js";
import { announce, fill, h, put, refresh, swap } from "./dom.js";
import { day, today } from "./format.js";
import { STATES, again, counter, gapTable, sign } from "./gaps.js";
import { heat, longDay } from "./heat.js";
import { modalidade } from "./modalidades.js";
import { button, complain, field, notice, outdated } from "./parts.js";
import { every } from "./watch.js";
import { learn, t } from "./words.js";

const PRESETS = [30, 90, 365];
const AGAIN_MS = 60_000;

learn({
  en: {
    "coverage.title": "Coverage", "coverage.about": "Each cell is one modalidade on one day. Complete means that all of it is proven to be here.",
    "coverage.range": "Range", "coverage.last": "{n} days", "coverage.from": "From", "coverage.to": "To", "coverage.show": "Show",
    "coverage.map": "Map of {from} to {to}", "coverage.legend": "Legend", "coverage.modalidade": "Modalidade", "coverage.now": "today", "coverage.of.today": "{n} of them today",
    "coverage.keys": "Arrow keys walk, Page Up and Page Down go a week, Home and End to the first and last day. Enter chooses a day, with Shift several.",
    "coverage.whole": "All {cells} cells of the days that are over are complete.", "coverage.none.over": "Only today is shown, and it is not over.",
    "coverage.some": "{complete} of {cells} cells complete", "coverage.days.never": "{n} {n|day|days} never read", "coverage.cells.never": "{n} {n|cell|cells} never read",
    "coverage.cells.incomplete": "{n} {n|cell|cells} incomplete", "coverage.cells.suspected_outage": "{n} suspected {n|outage|outages}",
    "coverage.today": "Today is not over, so it is not counted.",
    "coverage.before": "Previous gap", "coverage.next": "Next gap", "coverage.no.more": "No further gap that way.",
    "coverage.detail": "Chosen", "coverage.hint": "Point at a cell, or walk to it with the arrow keys.", "coverage.expected": "Expected", "coverage.got": "Read", "coverage.unknown": "not known",
    "coverage.means.complete": "All of this day is proven to be here.", "coverage.means.incomplete": "Some of this day is not here yet.",
    "coverage.means.suspected_outage": "The portal said that there is nothing, where there should be much. That is not believed.",
    "coverage.means.never": "Nobody has asked the portal for it.", "coverage.means.today": "The day is not over.",
    "coverage.state.complete": "Complete", "coverage.state.incomplete": "Incomplete", "coverage.state.suspected_outage": "Suspected outage", "coverage.state.never": "Never read",
    "coverage.cell": "{day}, {modalidade}: {state}", "coverage.cell.counts": ", {got} of {expected} read", "coverage.cell.got": ", {got} read",
    "coverage.days": "{from} to {to}: {complete} of {cells} cells complete", "coverage.again.day": "Read this day again", "coverage.again": "Read these days again",
    "coverage.gaps": "What is missing", "coverage.gaps.none": "Nothing is missing in these days.", "coverage.gaps.days": "Days", "coverage.gaps.cells": "Cells", "coverage.gaps.of": "Modalidades", "coverage.gaps.why": "Why",
    "coverage.gaps.do": "Remedy", "coverage.gaps.all": "all", "coverage.gaps.rest": "Show all {n}", "coverage.gaps.more": "{names} and {n} more",
    "coverage.wrong.date": "Not a date", "coverage.wrong.order": "Later than the last day", "coverage.wrong.long": "More than 366 days",
  },
  pt: {
    "coverage.title": "Cobertura", "coverage.about": "Cada célula é uma modalidade em um dia. Completa significa que está provado que tudo está aqui.",
    "coverage.range": "Período", "coverage.last": "{n} dias", "coverage.from": "De", "coverage.to": "Até", "coverage.show": "Mostrar",
    "coverage.map": "Mapa de {from} a {to}", "coverage.legend": "Legenda", "coverage.modalidade": "Modalidade", "coverage.now": "hoje", "coverage.of.today": "{n} delas hoje",
    "coverage.keys": "As setas caminham, Page Up e Page Down andam uma semana, Home e End vão ao primeiro e ao último dia. Enter escolhe um dia, com Shift vários.",
    "coverage.whole": "Todas as {cells} células dos dias encerrados estão completas.", "coverage.none.over": "Só hoje é mostrado, e o dia não acabou.",
    "coverage.some": "{complete} de {cells} células completas", "coverage.days.never": "{n} {n|dia nunca lido|dias nunca lidos}", "coverage.cells.never": "{n} {n|célula nunca lida|células nunca lidas}",
    "coverage.cells.incomplete": "{n} {n|célula incompleta|células incompletas}", "coverage.cells.suspected_outage": "{n} {n|suspeita|suspeitas} de falha",
    "coverage.today": "Hoje não acabou e por isso não conta.",
    "coverage.before": "Lacuna anterior", "coverage.next": "Próxima lacuna", "coverage.no.more": "Não há mais lacunas nessa direção.",
    "coverage.detail": "Escolhido", "coverage.hint": "Aponte para uma célula ou caminhe até ela com as setas.", "coverage.expected": "Esperados", "coverage.got": "Lidos", "coverage.unknown": "não se sabe",
    "coverage.means.complete": "Está provado que todo este dia está aqui.", "coverage.means.incomplete": "Uma parte deste dia ainda não está aqui.",
    "coverage.means.suspected_outage": "O portal disse que não há nada onde deveria haver muito. Não se acredita nisso.",
    "coverage.means.never": "Ninguém pediu isto ao portal.", "coverage.means.today": "O dia não acabou.",
    "coverage.state.complete": "Completa", "coverage.state.incomplete": "Incompleta", "coverage.state.suspected_outage": "Suspeita de falha", "coverage.state.never": "Nunca lida",
    "coverage.cell": "{day}, {modalidade}: {state}", "coverage.cell.counts": ", {got} de {expected} lidos", "coverage.cell.got": ", {got} lidos",
    "coverage.days": "{from} a {to}: {complete} de {cells} células completas", "coverage.again.day": "Ler este dia de novo", "coverage.again": "Ler estes dias de novo",
    "coverage.gaps": "O que falta", "coverage.gaps.none": "Nada falta nestes dias.", "coverage.gaps.days": "Dias", "coverage.gaps.cells": "Células", "coverage.gaps.of": "Modalidades", "coverage.gaps.why": "Por quê",
    "coverage.gaps.do": "Solução", "coverage.gaps.all": "todas", "coverage.gaps.rest": "Mostrar todas as {n}", "coverage.gaps.more": "{names} e mais {n}",
    "coverage.wrong.date": "Não é uma data", "coverage.wrong.order": "Depois do último dia", "coverage.wrong.long": "Mais de 366 dias",
  },
});

export async function show(place, page) {
  const form = range(page);
  const said = h("div", { id: "coverage-said" });
  const content = h("div", { class: "stack" });
  const head = h("div", { class: "head" }, h("h1", { id: "heat-title" }, t("coverage.title")), h("p", { class: "quiet" }, t("coverage.about")));
  let view;
  try {
    view = await get(address(page.query), { signal: page.signal });
  } catch (error) {
    if (!(error instanceof ApiError) || !error.fields.size) throw error;
    fill(place, head, form, said);
    for (const name of error.fields.keys()) error.fields.set(name, t(wrong(page.query, name)));
    const rest = complain(form, error);
    if (rest) fill(said, notice("bad", rest));
    return;
  }
  fill(place, head, form, said, content);
  form.elements.from.value = view.from;
  form.elements.to.value = view.to;
  let shown = body(content, view);
  every(
    AGAIN_MS,
    async () => {
      const fresh = await get(address(page.query), { signal: page.signal });
      // Another day has begun, or another modalidade is asked for: another map.
      if (fresh.from !== view.from || fresh.days.length !== view.days.length) shown = body(content, fresh);
      else shown.update(fresh);
      view = fresh;
    },
    page.signal,
    (...failure) => put(said, outdated(...failure)),
    { fresh: true },
  );
}

/** What is wrong with a date, in the reader's language. */
function wrong(query, name) {
  const [from, to] = ["from", "to"].map((name) => query.get(name));
  if (name === "to" || !/^\d{4}-\d\d-\d\d$/.test(from)) return "coverage.wrong.date";
  return from > (to || today()) ? "coverage.wrong.order" : "coverage.wrong.long";
}

function address(query) {
  const [from, to, days] = ["from", "to", "days"].map((name) => query.get(name));
  const asked = new URLSearchParams();
  if (from) asked.set("from", from);
  if (to) asked.set("to", to);
  if (!from && !to && PRESETS.includes(Number(days))) asked.set("from", today(1 - Number(days)));
  return asked.size ? `/sync/coverage?${asked}` : "/sync/coverage";
}

/** Which days: the last so many, or dates. */
function range(page) {
  const dated = page.query.has("from") || page.query.has("to");
  const days = Number(page.query.get("days")) || PRESETS[0];
  const preset = (n) => h("a", { href: `/console/coverage?days=${n}`, "aria-current": !dated && n === days ? "true" : null }, t("coverage.last", { n }));
  const date = (name) => h("input", { type: "date", name, max: today(), required: true, value: page.query.get(name) ?? "" });
  const form = h(
    "form",
    { class: "range", "aria-label": t("coverage.range"), novalidate: true },
    h("nav", { class: "choice", "aria-label": t("coverage.range") }, PRESETS.map(preset)),
    field(t("coverage.from"), date("from")),
    field(t("coverage.to"), date("to")),
    h("button", { class: "plain" }, t("coverage.show")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    page.go(`/console/coverage?${new URLSearchParams(new FormData(form))}`);
  });
  return form;
}

/** Everything that one answer shows; `update(fresh)` shows another one of the same days. */
function body(content, view) {
  const now = today();
  const numbers = [...new Set(view.days.map((cell) => cell.modalidade))];
  const rows = numbers.map((number) => ({ number, name: modalidade(number).slice(String(number).length).trim() }));
  const isGap = (cell) => cell.state !== "complete" && cell.day !== now;
  const count = counter();
  const list = { all: false };
  let detail = h("div", { id: "cell-detail", class: "card detail", role: "group", "aria-label": t("coverage.detail") });
  const summary = h("div", { id: "coverage-summary" });
  const legend = h("div", {});
  let missing = h("section", {});
  // What is told is made from the answer of now, so that it is told anew when another one comes.
  const ofOne = ({ day, modalidade }) => () => ofCell(view.days.find((cell) => cell.day === day && cell.modalidade === modalidade), now);
  let chosen = hint;
  let told = hint;
  const tell = (what) => {
    told = what;
    fill(detail, told());
  };
  const map = heat(view, rows, now, {
    label: (cell) => words(cell, count),
    here: (cell) => tell(cell ? ofOne(cell) : chosen),
    chosen(from, to, cell) {
      chosen = cell ? ofOne(cell) : () => ofDays(view, from, to);
      tell(chosen);
      if (!cell) announce(detail.querySelector("p").textContent);
    },
  });
  const jump = (step) => {
    if (map.jump(step, isGap)) return;
    tell(() => h("p", {}, t("coverage.no.more")));
    announce(t("coverage.no.more"));
  };
  const draw = () => {
    fill(summary, verdict(view, now));
    fill(legend, legends(view, now));
    missing = swap(missing, h("section", { class: "card", "aria-labelledby": "gaps-title" }, gapTable(view, isGap, numbers.length, list)));
  };
  tell(hint);
  fill(
    content,
    summary,
    h(
      "section",
      { class: "card map", "aria-label": t("coverage.map", { from: day(view.from), to: day(view.to) }) },
      h("div", { class: "stack map-top" }, legend, h("div", { class: "actions" }, button(t("coverage.before"), () => jump(-1), { id: "gap-before" }), button(t("coverage.next"), () => jump(1), { id: "gap-next" }))),
      h("div", { class: "map-body" }, map.element, h("p", { id: "heat-keys", class: "quiet" }, t("coverage.keys")), detail),
    ),
    missing,
  );
  draw();
  map.scrollToEnd();
  return {
    update(fresh) {
      if (JSON.stringify(fresh) === JSON.stringify(view)) return;
      view = fresh;
      map.update(fresh);
      draw();
      const made = detail.cloneNode(false);
      made.append(...[told()].flat(Infinity));
      detail = refresh(detail, made);
    },
  };
}

function words(cell, count) {
  const told = t("coverage.cell", { day: longDay(cell.day), modalidade: modalidade(cell.modalidade), state: t(`coverage.state.${cell.state}`) });
  if (cell.got === null) return told;
  const counts = cell.expected === null ? "coverage.cell.got" : "coverage.cell.counts";
  return told + t(counts, { got: count(cell.got), expected: count(cell.expected) });
}

const hint = () => h("p", { class: "quiet" }, t("coverage.hint"));

function ofCell(cell, now) {
  const count = counter();
  const fact = (name, value) => [h("dt", {}, t(name)), h("dd", {}, value === null ? t("coverage.unknown") : count(value))];
  const means = cell.day === now && cell.state !== "never" ? "today" : cell.state;
  return [
    h("p", {}, sign(cell.state), " ", h("b", {}, longDay(cell.day)), " · ", h("span", { lang: "pt-BR" }, modalidade(cell.modalidade))),
    h("p", { class: "quiet" }, t(`coverage.means.${means}`)),
    h("dl", { class: "facts" }, fact("coverage.expected", cell.expected), fact("coverage.got", cell.got)),
    again(cell.day, cell.day, t("coverage.again.day")),
  ];
}

function ofDays(view, from, to) {
  const cells = view.days.filter((cell) => cell.day >= from && cell.day <= to);
  const complete = cells.filter((cell) => cell.state === "complete").length;
  const values = { from: longDay(from), to: longDay(to), complete, cells: cells.length };
  return [h("p", {}, t("coverage.days", values)), again(from, to, t("coverage.again"))];
}

/** How it is, in a sentence. */
function verdict(view, now) {
  const over = view.days.filter((cell) => cell.day !== now);
  const of = (state) => over.filter((cell) => cell.state === state);
  const today = over.length < view.days.length ? ` ${t("coverage.today")}` : "";
  if (!over.length) return notice("good", t("coverage.none.over"));
  const complete = of("complete").length;
  if (complete === over.length) return notice("good", t("coverage.whole", { cells: over.length }) + today);
  const perDay = new Map();
  for (const cell of over) perDay.set(cell.day, (perDay.get(cell.day) ?? true) && cell.state === "never");
  const dark = new Set([...perDay].filter(([, never]) => never).map(([day]) => day));
  const parts = [
    t("coverage.some", { complete, cells: over.length }),
    some("coverage.days.never", dark.size),
    some("coverage.cells.never", of("never").filter((cell) => !dark.has(cell.day)).length),
    some("coverage.cells.incomplete", of("incomplete").length),
    some("coverage.cells.suspected_outage", of("suspected_outage").length),
  ].filter(Boolean);
  return notice("warn", `${parts[0]}; ${parts.slice(1).join(", ")}.${today}`);
}

const some = (key, n) => (n ? t(key, { n }) : null);

function legends(view, now) {
  const count = counter();
  const entry = (state) => {
    const cells = view.days.filter((cell) => cell.state === state);
    const today = cells.filter((cell) => cell.day === now).length;
    return h(
      "li",
      { id: `legend-${state}` },
      sign(state),
      h("b", {}, count(cells.length)),
      today ? h("span", { class: "quiet" }, ` (${t("coverage.of.today", { n: today })})`) : null,
    );
  };
  return h("ul", { class: "legend", "aria-label": t("coverage.legend") }, STATES.map(entry));
}
