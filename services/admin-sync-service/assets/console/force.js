// The form that asks for a run: an update, or a backfill of a window. What it would take is estimated while the window is chosen.

import { ApiError, onceKey, post } from "./api.js";
import { announce, fill, h } from "./dom.js";
import { duration, local, period, today, zoneName } from "./format.js";
import { blockingRun, inTheWay, request } from "./overlap.js";
import { busy, button, complain, explain, field, notice } from "./parts.js";
import { tracker } from "./progress.js";
import { mode as modeName } from "./run_words.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "force.title": "Force a run", "force.mode": "What to read", "force.update": "What is new or changed since the last complete update.",
    "force.backfill": "Everything that was published in a window, again or for the first time.", "force.quick": "Quick choices", "force.yesterday": "Yesterday", "force.week": "Last 7 days",
    "force.month": "Last 30 days", "force.thismonth": "This month", "force.from": "From", "force.to": "To, not included", "force.zone": "Times are those of {zone}. At most 365 days.",
    "force.estimate": "What it takes", "force.estimating": "Estimating …", "force.choose": "Choose a window to see what it takes.", "force.span": "{days} {days|day|days}, {segments} {segments|segment|segments}",
    "force.pages": "some {pages} {pages|page|pages}, {records} {records|record|records}", "force.items": "some {n} {n|request|requests} for items of what is new", "force.seconds": "some {span} at {pace} {pace|request|requests} a second",
    "force.history": "Reckoned from what such days had before.", "force.guess": "A guess: there is no history of such days yet.", "force.later": "The window is fixed when the run begins; now it would be:",
    "force.noestimate": "No estimate: {why}", "force.go": "Start", "force.close": "Close", "force.both": "A backfill needs both: from when, and to when.", "force.started": "Run {id} is asked for.",
  },
  pt: {
    "force.title": "Forçar execução", "force.mode": "O que ler", "force.update": "O que é novo ou mudou desde a última atualização completa.",
    "force.backfill": "Tudo o que foi publicado em uma janela, de novo ou pela primeira vez.", "force.quick": "Escolhas rápidas", "force.yesterday": "Ontem", "force.week": "Últimos 7 dias",
    "force.month": "Últimos 30 dias", "force.thismonth": "Este mês", "force.from": "De", "force.to": "Até, sem incluir", "force.zone": "Os horários são os de {zone}. No máximo 365 dias.",
    "force.estimate": "O que isso exige", "force.estimating": "Estimando …", "force.choose": "Escolha uma janela para ver o que ela exige.", "force.span": "{days} {days|dia|dias}, {segments} {segments|segmento|segmentos}",
    "force.pages": "cerca de {pages} {pages|página|páginas}, {records} {records|registro|registros}", "force.items": "cerca de {n} {n|requisição|requisições} por itens do que é novo", "force.seconds": "cerca de {span} a {pace} {pace|requisição|requisições} por segundo",
    "force.history": "Calculado a partir do que dias assim já tiveram.", "force.guess": "Um palpite: ainda não há histórico de dias assim.", "force.later": "A janela é definida quando a execução começa; agora seria:",
    "force.noestimate": "Sem estimativa: {why}", "force.go": "Iniciar", "force.close": "Fechar", "force.both": "Um backfill precisa dos dois: desde quando, e até quando.", "force.started": "A execução {id} foi pedida.",
  },
});

const ESTIMATE_AFTER_MS = 350;

/** Opens the form. `chosen` may have `mode`, `from` and `to` (`2026-11-27` or with a time); `track` follows runs where a page does already. */
export function force(page, chosen = {}, track = tracker(page, () => {})) {
  const closing = new AbortController();
  const signal = AbortSignal.any([page.signal, closing.signal]);
  const said = h("div", { id: "force-said" });
  const blocked = h("div", { id: "force-blocked" });
  const shown = h("div", { id: "force-estimate", class: "estimate", role: "status" });
  const go = h("button", { class: "strong", id: "force-go" }, t("force.go"));
  const from = h("input", { name: "data_ini", type: "datetime-local" });
  const to = h("input", { name: "data_fim", type: "datetime-local" });
  const span = h(
    "div",
    { class: "stack", id: "force-window" },
    h("div", { class: "chips", role: "group", "aria-label": t("force.quick") }, choices().map(([name, start, end]) => button(t(`force.${name}`), () => pick(start, end), { "data-choice": name }))),
    h("div", { class: "row" }, field(t("force.from"), from), field(t("force.to"), to)),
    h("p", { class: "quiet" }, t("force.zone", { zone: zoneName() })),
  );
  const form = h(
    "form",
    { class: "stack", novalidate: true },
    h("fieldset", { class: "modes", id: "field-mode" }, h("legend", {}, t("force.mode")), option("update"), option("backfill"), h("small", { id: "field-mode-wrong", class: "wrong", hidden: true })),
    span,
    h("div", {}, h("h3", {}, t("force.estimate")), shown),
    blocked,
    said,
    h("div", { class: "actions" }, button(t("force.close"), () => dialog.close()), go),
  );
  const dialog = h("dialog", { class: "dialog", id: "force", "aria-labelledby": "force-title" }, h("h2", { id: "force-title" }, t("force.title")), form);
  const once = new Map();
  let asking = new AbortController();
  let timer = null;
  let inWay = null;

  form.elements.mode.value = chosen.mode ?? (chosen.from ? "backfill" : "update");
  from.value = instant(chosen.from ?? today(-1));
  to.value = instant(chosen.to ?? today());
  form.addEventListener("change", changed);
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(go, () => start(""));
  });
  dialog.addEventListener("close", () => {
    closing.abort();
    dialog.remove();
    // Where a link of another page opened it, nothing had the keyboard before.
    if (document.activeElement === document.body) document.getElementById("force-open")?.focus();
  });
  page.signal.addEventListener("abort", () => dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  form.querySelector("input:checked").focus();
  changed();

  function option(name) {
    const about = `force-${name}-about`;
    return h("label", { class: "mode" }, h("input", { type: "radio", name: "mode", value: name, "aria-describedby": about }), h("span", {}, h("b", {}, modeName(name)), h("small", { id: about, class: "quiet" }, t(`force.${name}`))));
  }

  function pick(start, end) {
    from.value = start;
    to.value = end;
    changed();
  }

  function body() {
    const mode = form.elements.mode.value;
    return mode === "update" ? { mode } : { mode, data_ini: from.value, data_fim: to.value };
  }

  function changed() {
    span.hidden = form.elements.mode.value === "update";
    for (const choice of span.querySelectorAll("[data-choice]")) choice.setAttribute("aria-pressed", String(isPicked(choice.dataset.choice)));
    fill(said);
    asking.abort();
    clearTimeout(timer);
    timer = setTimeout(estimate, ESTIMATE_AFTER_MS);
  }

  function isPicked(name) {
    const [, start, end] = choices().find(([choice]) => choice === name);
    return from.value === start && to.value === end;
  }

  async function estimate() {
    asking = new AbortController();
    const sent = body();
    if (sent.mode === "backfill" && !(sent.data_ini && sent.data_fim)) {
      fill(shown, h("p", { class: "quiet" }, t("force.choose")));
      block(null);
      return;
    }
    if (!shown.firstChild) fill(shown, h("p", { class: "quiet" }, t("force.estimating")));
    try {
      const told = await post("/sync/estimate", sent, { signal: AbortSignal.any([signal, asking.signal]) });
      complain(form, null);
      fill(shown, figures(told));
      block(told.blocking_id);
    } catch (error) {
      if (error.name === "AbortError") return;
      const other = complain(form, error, { focus: false });
      fill(shown, h("p", { class: "quiet" }, other ? t("force.noestimate", { why: other }) : t("force.choose")));
      block(null);
    }
  }

  /** What is in the way is shown before anybody presses; `told` moves the eye to it, for who has pressed. */
  function block(id, told = false) {
    if (id !== inWay?.id) {
      inWay?.ending.abort();
      inWay = id === null ? null : { id, ending: new AbortController() };
      const asked = inWay && {
        track,
        signal: AbortSignal.any([signal, inWay.ending.signal]),
        wait: () => start("?overlap=queue"),
        look: () => page.go(`/console/runs/${id}`),
        freed: () => {
          block(null);
          announce(t("overlap.over", { id: String(id) }));
          estimate();
        },
      };
      fill(blocked, inWay ? inTheWay(id, asked) : null);
    }
    if (told) blocked.firstChild?.focus();
  }

  async function start(query) {
    const sent = body();
    const same = JSON.stringify(sent);
    // One opened form and one window make one run, however often it is pressed.
    if (!once.has(same)) once.set(same, onceKey());
    try {
      const told = await request(`/sync/force${query}`, sent, once.get(same));
      dialog.close();
      announce(t("force.started", { id: told.request_id }));
      page.go(`/console/runs/${told.request_id}`);
    } catch (error) {
      const other = blockingRun(error);
      if (other !== null) {
        block(other, true);
        return;
      }
      const missing = error instanceof ApiError && error.code === "missing_dates";
      const left = missing ? t("force.both") : complain(form, error);
      fill(said, left ? notice("bad", left || explain(error)) : null);
      if (missing) (from.value ? to : from).focus();
    }
  }
}

/** Whole days that are over: what is still going on is never complete. */
function choices() {
  const midnight = (day) => `${day}T00:00`;
  const end = midnight(today());
  const first = `${today().slice(0, 8)}01`;
  return [
    ["yesterday", midnight(today(-1)), end],
    ["week", midnight(today(-7)), end],
    ["month", midnight(today(-30)), end],
    ["thismonth", midnight(first), first === today() ? local(new Date()) : end],
  ];
}

const instant = (text) => (text.length === 10 ? `${text}T00:00` : text.slice(0, 16));

function figures(told) {
  const pace = Math.round((told.pace_per_second ?? 0) * 100) / 100;
  return [
    told.mode === "update" && told.window_start ? h("p", { class: "quiet" }, t("force.later"), " ", period(told.window_start, told.window_end)) : null,
    h("p", { class: "figures" }, t("force.span", { days: told.days, segments: told.segments })),
    h("p", {}, t("force.pages", { pages: told.pages, records: told.records })),
    told.item_pages ? h("p", {}, t("force.items", { n: told.item_pages })) : null,
    h("p", {}, t("force.seconds", { span: duration(told.seconds), pace })),
    h("p", { class: "quiet" }, t(`force.${told.basis === "history" ? "history" : "guess"}`)),
  ];
}
