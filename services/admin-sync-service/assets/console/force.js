// The form that asks for a run: an update, or a backfill of a window. What it would take is estimated while the window is chosen.

import { ApiError, onceKey, post } from "./api.js";
import { announce, fill, h } from "./dom.js";
import { figures } from "./force-figures.js";
import { windowPicker } from "./force-window.js";
import { today } from "./format.js";
import { blockingRun, inTheWay, request } from "./overlap.js";
import { busy, button, complain, notice } from "./parts.js";
import { tracker } from "./progress.js";
import { mode as modeName } from "./run-words.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "force.title": "Force a run", "force.mode": "What to read",
    "force.update": "What is new or changed since the last complete update.",
    "force.backfill": "Everything that was published in a window, again or for the first time.",
    "force.estimate": "What it takes", "force.estimating": "Estimating …",
    "force.choose": "Choose a window to see what it takes.", "force.noestimate": "No estimate: {why}", "force.go": "Start",
    "force.close": "Close", "force.both": "A backfill needs both: from when, and to when.",
    "force.started": "Run {id} is asked for.",
  },
  pt: {
    "force.title": "Forçar execução", "force.mode": "O que ler",
    "force.update": "O que é novo ou mudou desde a última atualização completa.",
    "force.backfill": "Tudo o que foi publicado em uma janela, de novo ou pela primeira vez.",
    "force.estimate": "O que isso exige", "force.estimating": "Estimando …",
    "force.choose": "Escolha uma janela para ver o que ela exige.", "force.noestimate": "Sem estimativa: {why}",
    "force.go": "Iniciar", "force.close": "Fechar", "force.both": "Um backfill precisa dos dois: desde quando, e até quando.",
    "force.started": "A execução {id} foi pedida.",
  },
});

const ESTIMATE_AFTER_MS = 350;

/**
 * Opens the form. `chosen` may have `mode`, `from` and `to` (`2026-11-27` or with a time); `track` is the page's own where it
 * follows runs already.
 */
export function force(page, chosen = {}, track = tracker(page, () => {})) {
  const closing = new AbortController();
  const signal = AbortSignal.any([page.signal, closing.signal]);
  const span = windowPicker(changed);
  const parts = drawn(span);
  const { dialog, form, said, go } = parts;
  const inWay = obstacle(parts, { page, track, signal, wait: () => start("?overlap=queue"), freed: () => estimate.now() });
  const estimate = estimator(parts, { signal, body, blocking: inWay.show });
  const once = new Map();

  form.elements.mode.value = chosen.mode ?? (chosen.from ? "backfill" : "update");
  span.set(chosen.from ?? today(-1), chosen.to ?? today());
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

  function body() {
    const mode = form.elements.mode.value;
    return mode === "update" ? { mode } : { mode, ...span.read() };
  }

  function changed() {
    span.element.hidden = body().mode === "update";
    fill(said);
    estimate.soon();
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
        inWay.show(other, true);
        return;
      }
      const missing = error instanceof ApiError && error.code === "missing_dates";
      const left = missing ? t("force.both") : complain(form, error);
      fill(said, left ? notice("bad", left) : null);
      if (missing) span.focusMissing();
    }
  }
}

/** The dialog and its places, not yet on the page. */
function drawn(span) {
  const said = h("div", { id: "force-said" });
  const blocked = h("div", { id: "force-blocked" });
  const shown = h("div", { id: "force-estimate", class: "estimate", role: "status" });
  const go = h("button", { class: "strong", id: "force-go" }, t("force.go"));
  const form = h(
    "form",
    { class: "stack", novalidate: true },
    modes(),
    span.element,
    h("div", {}, h("h3", {}, t("force.estimate")), shown),
    blocked,
    said,
    h("div", { class: "actions" }, button(t("force.close"), () => dialog.close()), go),
  );
  const title = h("h2", { id: "force-title" }, t("force.title"));
  const dialog = h("dialog", { class: "dialog", id: "force", "aria-labelledby": "force-title" }, title, form);
  return { dialog, form, said, blocked, shown, go };
}

/** Says what it takes to read what the form asks for, `body()`, and tells `blocking` which run is in the way of that, or null. */
function estimator({ form, shown }, { signal, body, blocking }) {
  let asking = new AbortController();
  let timer = null;
  async function now() {
    asking = new AbortController();
    const sent = body();
    if (sent.mode === "backfill" && !(sent.data_ini && sent.data_fim)) {
      fill(shown, h("p", { class: "quiet" }, t("force.choose")));
      blocking(null);
      return;
    }
    if (!shown.firstChild) fill(shown, h("p", { class: "quiet" }, t("force.estimating")));
    try {
      const told = await post("/sync/estimate", sent, { signal: AbortSignal.any([signal, asking.signal]), acts: false });
      complain(form, null);
      fill(shown, figures(told));
      blocking(told.blocking_id);
    } catch (error) {
      if (error.name === "AbortError") return;
      const other = complain(form, error, { focus: false });
      fill(shown, h("p", { class: "quiet" }, other ? t("force.noestimate", { why: other }) : t("force.choose")));
      blocking(null);
    }
  }
  return {
    now,
    /** When nothing has changed for a moment. */
    soon() {
      asking.abort();
      clearTimeout(timer);
      timer = setTimeout(now, ESTIMATE_AFTER_MS);
    },
  };
}

/** What is in the way is shown before anybody presses; `wait` asks for the run behind it, `freed` is called when the way is free. */
function obstacle({ blocked, go }, { page, track, signal, wait, freed }) {
  let inWay = null;
  /** Run `id`, or nothing for null; `told` moves the eye to it, for who has pressed. */
  function show(id, told = false) {
    if (id !== inWay?.id) {
      inWay?.ending.abort();
      inWay = id === null ? null : { id, ending: new AbortController() };
      fill(blocked, inWay ? inTheWay(id, asked(inWay)) : null);
    }
    if (told) blocked.firstChild?.focus();
  }
  function asked({ id, ending }) {
    return {
      track,
      signal: AbortSignal.any([signal, ending.signal]),
      wait,
      look: () => page.go(`/console/runs/${id}`),
      freed: () => {
        if (blocked.contains(document.activeElement)) go.focus();
        show(null);
        announce(t("overlap.over", { id: String(id) }));
        freed();
      },
    };
  }
  return { show };
}

/** Update or backfill, each with what it reads. */
function modes() {
  const option = (name) => {
    const about = h("small", { id: `force-${name}-about`, class: "quiet" }, t(`force.${name}`));
    const control = h("input", { type: "radio", name: "mode", value: name, "aria-describedby": about.id });
    return h("label", { class: "mode" }, control, h("span", {}, h("b", {}, modeName(name)), about));
  };
  const wrong = h("small", { id: "field-mode-wrong", class: "wrong", hidden: true });
  return h("fieldset", { class: "modes", id: "field-mode" }, h("legend", {}, t("force.mode")), option("update"), option("backfill"), wrong);
}
