// What lists and pages of runs have in common: names of modes and people, and why a run did not end well, in words.

import { now } from "./clock.js";
import { h } from "./dom.js";
import { ago, when } from "./format.js";
import { learn, t, tOr, within } from "./words.js";

learn({
  en: {
    "mode.update": "Update", "mode.backfill": "Backfill", "who.schedule": "the schedule", "who.reaper": "Farol's keeper",
    "who.anonymous": "anonymous", "who.nobody": "nobody known", "run.name": "Run {id}",
    "run.window.later": "fixed when it begins", "why.segments": "{left} of {all} segments are not complete",
    "why.cancelled": "cancelled by {who}", "why.request": "cancelled on request",
    "why.overdue": "cancelled; its worker did not answer in time",
    "why.silent": "its workers fell silent {n} {n|time|times}, the last one was {worker}",
    "why.pending": "The broker has not taken its message yet. It is written down and begins by itself when the broker is back: do not ask again.",
  },
  pt: {
    "mode.update": "Atualização", "mode.backfill": "Backfill", "who.schedule": "o agendador",
    "who.reaper": "o zelador do Farol", "who.anonymous": "anônimo", "who.nobody": "desconhecido", "run.name": "Execução {id}",
    "run.window.later": "definida quando começar", "why.segments": "{left} de {all} segmentos não estão completos",
    "why.cancelled": "cancelada por {who}", "why.request": "cancelada a pedido",
    "why.overdue": "cancelada; o worker não respondeu a tempo",
    "why.silent": "os workers silenciaram {n} {n|vez|vezes}, o último foi {worker}",
    "why.pending": "O broker ainda não recebeu a mensagem. O pedido está gravado e começa sozinho quando o broker voltar: não peça de novo.",
  },
});

/** States of which nothing more is to come. */
export const isOver = (run) => run.status !== "running";

/** Whether the API lets it be repeated. */
export const isRetryable = (run) => isOver(run) && run.state !== "success";

/** The broker usually takes a message within a second: nobody is told of that. */
const PENDING_MS = 5000;
export const isStuck = (run, dispatch) => dispatch === "pending" && now() - new Date(run.created_at) > PENDING_MS;

export const mode = (word) => tOr(`mode.${word}`, word);

/** Who asked, or did something. */
export const who = (actor) => (actor ? tOr(`who.${actor}`, within(actor)) : t("who.nobody"));

/** A link to a run, named so that a list of them can be told apart by ear. */
export const linkTo = (id) => h("a", { href: `/console/runs/${id}`, "data-key": `run-link-${id}` }, t("run.name", { id: String(id) }));

/** A time as how long ago it was; the exact one is its title. */
export const moment = (text) => (text ? h("time", { datetime: text, title: when(text) }, ago(text)) : "–");

const KNOWN = [
  [/^(\d+) of (\d+) segments are not complete/, ([, left, all]) => t("why.segments", { left: Number(left), all: Number(all) })],
  [/^cancelled by (.+)$/s, ([, actor]) => t("why.cancelled", { who: who(actor) })],
  [/^cancelled on request$/, () => t("why.request")],
  [/^cancelled; its worker did not answer in time$/, () => t("why.overdue")],
  [/^workers fell silent (\d+) times, the last one was (.+)$/s, ([, n, worker]) => t("why.silent", { n: Number(n), worker })],
];

/** Its `error_message` in the reader's language where it is one of ours, as it is where it came from elsewhere; "" where all is well. */
export function reason(run) {
  const message = run.error_message ?? "";
  for (const [form, words] of KNOWN) {
    const found = message.match(form);
    if (found) return words(found);
  }
  return message;
}
