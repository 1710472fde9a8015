// The filters of the history. They are the address of the page, so that a list can be sent to somebody.

import { h } from "./dom.js";
import { shifted } from "./format.js";
import { field } from "./parts.js";
import { mode } from "./run-words.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "runs.filter": "Filter runs", "runs.status": "Outcome", "runs.mode": "Mode", "runs.from": "Asked for from",
    "runs.to": "Asked for until", "runs.q": "Search", "runs.q.hint": "Number, error or who asked", "runs.all": "All",
    "runs.status.running": "Running or waiting", "runs.status.success": "Success",
    "runs.status.error": "Error, incomplete, cancelled, lost",
  },
  pt: {
    "runs.filter": "Filtrar execuções", "runs.status": "Resultado", "runs.mode": "Modo", "runs.from": "Pedida a partir de",
    "runs.to": "Pedida até", "runs.q": "Buscar", "runs.q.hint": "Número, erro ou quem pediu", "runs.all": "Todos",
    "runs.status.running": "Em execução ou na fila", "runs.status.success": "Sucesso",
    "runs.status.error": "Erro, incompleta, cancelada, perdida",
  },
});

export const FILTERS = ["status", "mode", "from", "to", "q"];
const TYPING_MS = 400;

/** The query for a page. People mean the day that they choose as the last one to be in it, the API its first instant. */
export function asked(filters, limit) {
  const sent = { ...filters, to: /^\d{4}-\d\d-\d\d$/.test(filters.to) ? shifted(filters.to, 1) : filters.to, limit };
  return new URLSearchParams(Object.entries(sent).filter(([, value]) => value));
}

/** `changed(values, replace)` with what is chosen; `replace` while somebody types, so that the way back is not letter by letter. */
export function filterForm(filters, changed) {
  const choice = (name, words) => {
    const options = Object.entries({ "": t("runs.all"), ...words });
    const select = h("select", { name }, options.map(([value, text]) => h("option", { value, selected: value === filters[name] }, text)));
    // The form that asks for a run has a field "mode" of its own.
    return field(t(`runs.${name}`), select, { name: `filter-${name}` });
  };
  const date = (name) => field(t(`runs.${name}`), h("input", { name, type: "date", value: filters[name] }));
  const q = h("input", { name: "q", type: "search", value: filters.q, maxlength: 200, autocomplete: "off", placeholder: t("runs.q.hint") });
  const form = h(
    "form",
    { class: "row filter", id: "runs-filter", role: "search", "aria-label": t("runs.filter") },
    choice("status", { running: t("runs.status.running"), success: t("runs.status.success"), error: t("runs.status.error") }),
    choice("mode", { update: mode("update"), backfill: mode("backfill") }),
    date("from"),
    date("to"),
    field(t("runs.q"), q),
  );
  form.clear = listen(form, q, changed);
  return form;
}

/** Tells of each choice once; returns what takes all of them back. */
function listen(form, q, changed) {
  const values = () => Object.fromEntries(FILTERS.map((name) => [name, form.elements[name].value.trim()]));
  let last = JSON.stringify(values());
  let typed = false;
  let timer = null;
  const tell = (typing) => {
    clearTimeout(timer);
    const now = JSON.stringify(values());
    if (now === last) return;
    last = now;
    changed(values(), typing && typed);
    typed = typing;
  };
  q.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => tell(true), TYPING_MS);
  });
  form.addEventListener("change", (event) => event.target !== q && tell(false));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tell(true);
  });
  return () => {
    for (const name of FILTERS) form.elements[name].value = "";
    tell(false);
  };
}
