// Small parts that every page uses: states with a sign, fields with their complaint, dialogs, tables, and what is shown
// instead of data.

import { ApiError, Unreachable } from "./api.js";
import { announce, h } from "./dom.js";
import { exactly } from "./format.js";
import { problem, rule } from "./rules.js";
import { learn, t, tOr } from "./words.js";

learn({
  en: {
    "state.queued": "Queued", "state.running": "Running", "state.retry_wait": "Waits to retry", "state.cancelling": "Cancelling",
    "state.success": "Success", "state.incomplete": "Incomplete", "state.error": "Error", "state.cancelled": "Cancelled",
    "state.lost": "Lost", "state.live": "Live", "state.stale": "Stale", "state.unknown": "Unknown", "state.ready": "Ready",
    "state.not_ready": "Not ready", "state.away": "Away", "state.ok": "OK", "state.degraded": "Degraded", "state.down": "Down",
    "state.idle": "Idle", "state.active": "Active", "state.inactive": "Inactive", "state.never": "Never read",
    "state.complete": "Complete", "state.suspected_outage": "Suspected outage",
    "state.pending": "Waiting", "state.failed": "Failed",
    "part.cancel": "Not now", "part.again": "Try again", "part.unreachable": "The service cannot be reached.",
    "part.failed": "That did not work: {why}", "part.ended": "The session had ended.",
    "part.old": "What is shown is from {at}. {why} It is asked again.",
  },
  pt: {
    "state.queued": "Na fila", "state.running": "Em execução", "state.retry_wait": "Aguarda nova tentativa", "state.cancelling": "Cancelando",
    "state.success": "Sucesso", "state.incomplete": "Incompleta", "state.error": "Erro", "state.cancelled": "Cancelada",
    "state.lost": "Perdida", "state.live": "Ao vivo", "state.stale": "Desatualizado", "state.unknown": "Desconhecido", "state.ready": "Pronto",
    "state.not_ready": "Não pronto", "state.away": "Fora do ar", "state.ok": "OK", "state.degraded": "Degradado", "state.down": "Fora do ar",
    "state.idle": "Ocioso", "state.active": "Ativo", "state.inactive": "Inativo", "state.never": "Nunca lido",
    "state.complete": "Completo", "state.suspected_outage": "Suspeita de falha",
    "state.pending": "Aguardando", "state.failed": "Falhou",
    "part.cancel": "Agora não", "part.again": "Tentar de novo", "part.unreachable": "O serviço não responde.",
    "part.failed": "Não deu certo: {why}", "part.ended": "A sessão havia terminado.",
    "part.old": "O que se vê é de {at}. {why} Nova tentativa em instantes.",
  },
});

/** A state as a word with a sign: nobody has to tell colours apart. */
export function badge(state) {
  return h("span", { class: `badge is-${state}` }, tOr(`state.${state}`, state));
}

/** What a person is told of an error. */
export function explain(error) {
  if (error instanceof Unreachable) return t("part.unreachable");
  if (error instanceof ApiError && error.status === 401) return t("part.ended");
  if (error instanceof ApiError && error.fields.size) return [...error.fields].map(([field, detail]) => `${field}: ${rule(detail)}`).join("; ");
  return t("part.failed", { why: problem(error) });
}

/** A line that is told to everybody: `kind` is bad, warn or good. */
export function notice(kind, ...content) {
  return h("div", { class: `notice is-${kind}`, role: kind === "bad" ? "alert" : "status" }, ...content);
}

/** Of a page that is looked at anew, what `every` tells of that: why it fails, and when what is shown was so. For `put`. */
export function outdated(error, at) {
  if (!error) return null;
  return notice("bad", at ? t("part.old", { at: exactly(at), why: explain(error) }) : explain(error));
}

/** A label, its control, a hint, and a place for what is wrong with it. `control` gets the id. */
export function field(label, control, { hint, name } = {}) {
  const id = `field-${name ?? control.name}`;
  control.id = id;
  const about = h("small", { id: `${id}-hint`, class: "quiet" }, hint ?? "");
  const wrong = h("small", { id: `${id}-wrong`, class: "wrong", hidden: true });
  control.setAttribute("aria-describedby", `${id}-hint ${id}-wrong`);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, hint ? about : null, wrong);
}

/**
 * Writes what an ApiError says beside the fields that it names; returns what belongs to no field of `form`. `focus: false` is for
 * complaints that come while somebody types.
 */
export function complain(form, error, { focus = true } = {}) {
  for (const wrong of form.querySelectorAll(".wrong")) wrong.hidden = true;
  for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  if (!(error instanceof ApiError)) return error ? explain(error) : "";
  const left = [];
  let first = null;
  for (const [name, detail] of error.fields) {
    const control = form.querySelector(`#field-${CSS.escape(name)}`);
    const place = form.querySelector(`#field-${CSS.escape(name)}-wrong`);
    if (!control || !place) {
      left.push(`${name}: ${rule(detail)}`);
      continue;
    }
    const folded = control.closest("details");
    if (folded) folded.open = true;
    place.textContent = rule(detail);
    place.hidden = false;
    control.setAttribute("aria-invalid", "true");
    first ??= control;
  }
  if (focus) first?.focus();
  return error.fields.size ? left.join("; ") : explain(error);
}

/** A button that cannot be pressed twice: it rests while `act` runs. */
export function button(label, act, { kind = "plain", ...properties } = {}) {
  const made = h("button", { type: "button", class: kind, ...properties }, label);
  made.addEventListener("click", () => busy(made, act));
  return made;
}

/** Runs `act` while `control` rests. */
export async function busy(control, act) {
  if (control.getAttribute("aria-busy") === "true") return undefined;
  control.setAttribute("aria-busy", "true");
  try {
    return await act();
  } finally {
    control.removeAttribute("aria-busy");
  }
}

/** Asks before something that cannot be taken back. True when the person says `yes`. */
export function confirmed(title, text, yes) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      { class: "dialog", "aria-labelledby": "dialog-title" },
      h("h2", { id: "dialog-title" }, title),
      h("p", {}, text),
      h(
        "form",
        { method: "dialog", class: "actions" },
        h("button", { class: "plain", value: "no" }, t("part.cancel")),
        h("button", { class: "strong", value: "yes", "data-key": "dialog-yes" }, yes),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * A table whose cells carry their heading, for narrow screens. `rows` are lists of contents, as many as `headings`, or rows made
 * with `row`. A heading is a text, or `{text, kind}` with a class for its column: `number`.
 */
export function table(caption, headings, rows, properties = {}) {
  return h(
    "div",
    { class: "scroller", ...properties },
    h(
      "table",
      {},
      h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", {}, headings.map((heading) => h("th", { scope: "col", class: heading.kind }, heading.text ?? heading)))),
      h("tbody", {}, rows.map((cells) => (cells instanceof Element ? cells : row(headings, cells)))),
    ),
  );
}

/** A row of such a table. */
export function row(headings, cells, properties = {}) {
  const cell = (content, index) => h("td", { "data-label": headings[index].text ?? headings[index], class: headings[index].kind }, content);
  return h("tr", properties, cells.map(cell));
}

/** Says what happened, to eyes in `place` and to ears. */
export function tell(place, kind, text) {
  place.replaceChildren(notice(kind, text));
  if (kind !== "bad") announce(text);
}
