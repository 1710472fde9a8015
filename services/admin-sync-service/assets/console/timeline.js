// What was done to a run, and by whom, the newest first.

import { h, keyed } from "./dom.js";
import { exactly } from "./format.js";
import { button } from "./parts.js";
import { linkTo, reason, who } from "./run-words.js";
import { learn, t, tOr } from "./words.js";

learn({
  en: {
    "events.title": "What happened", "events.more": "Show all {n}", "events.none": "Nothing yet.",
    "event.requested": "Asked for", "event.retry_requested": "Asked for, to repeat {parent}",
    "event.enqueued": "Asked for by a message in the queue", "event.queued": "Put into the queue",
    "event.claimed": "A worker took it", "event.parked": "The worker was told to stop and gave it back, with all that is read",
    "event.rescued": "Taken from worker {worker}, which had fallen silent ({n}.), and queued again",
    "event.failed_inside": "Something of ours failed; it is tried again later", "event.due": "Put into the queue again",
    "event.cancel_requested": "Cancel asked for", "event.cancelled": "Cancelled",
    "event.succeeded": "Ended: everything is complete", "event.ended_incomplete": "Ended: not everything is complete",
    "event.failed": "Ended with an error", "event.lost": "Given up: worker {worker} fell silent too often",
    "event.disorder": "The portal's list was out of order: days are read whole from here on",
    "event.task_hidden": "Hidden from its stream",
  },
  pt: {
    "events.title": "O que aconteceu", "events.more": "Mostrar todos os {n}", "events.none": "Nada ainda.",
    "event.requested": "Pedida", "event.retry_requested": "Pedida, para repetir a {parent}",
    "event.enqueued": "Pedida por uma mensagem na fila", "event.queued": "Posta na fila", "event.claimed": "Um worker a pegou",
    "event.parked": "O worker foi mandado parar e a devolveu, com tudo o que foi lido",
    "event.rescued": "Tirada do worker {worker}, que silenciou ({n}.), e posta de novo na fila",
    "event.failed_inside": "Algo nosso falhou; nova tentativa depois", "event.due": "Posta de novo na fila",
    "event.cancel_requested": "Cancelamento pedido", "event.cancelled": "Cancelada",
    "event.succeeded": "Terminou: tudo completo", "event.ended_incomplete": "Terminou: nem tudo está completo",
    "event.failed": "Terminou com erro", "event.lost": "Abandonada: o worker {worker} silenciou vezes demais",
    "event.disorder": "A lista do portal estava fora de ordem: daqui em diante os dias são lidos por inteiro",
    "event.task_hidden": "Ocultada do seu stream",
  },
});

const SHOWN = 8;

/** `{element, update(events)}`. */
export function timeline() {
  let all = [];
  let most = SHOWN;
  const list = h("ol", { class: "timeline", id: "run-events" });
  const more = button("", unfold, { hidden: true });
  const none = h("p", { class: "quiet" }, t("events.none"));
  const title = h("h2", { id: "events-title" }, t("events.title"));
  const element = h("section", { class: "card", "aria-labelledby": title.id }, title, list, none, more);
  function unfold() {
    most = Infinity;
    draw();
  }
  function draw() {
    const numbered = all.map((event, index) => ({ ...event, index })).reverse();
    keyed(list, numbered.slice(0, most), (event) => `${event.at}-${event.kind}-${event.index}`, (event) => event.kind, line);
    list.hidden = all.length === 0;
    none.hidden = all.length > 0;
    more.hidden = all.length <= most;
    more.textContent = t("events.more", { n: all.length });
  }
  return {
    element,
    update(events) {
      all = events;
      draw();
    },
  };
}

function line(event) {
  return h(
    "li",
    { class: `event is-${event.kind}` },
    h("time", { class: "quiet", datetime: event.at }, exactly(event.at)),
    h("p", {}, words(event), h("span", { class: "quiet" }, ` · ${who(event.actor)}`)),
    event.detail?.error ? h("p", { class: "quiet" }, reason({ error_message: event.detail.error })) : null,
  );
}

function words({ kind, detail }) {
  const known = tOr(`event.${kind}`, null);
  if (known === null) return [kind, Object.keys(detail ?? {}).length ? h("code", {}, ` ${JSON.stringify(detail)}`) : null];
  if (kind === "retry_requested") {
    const [before, after] = t(`event.${kind}`, { parent: "\u0001" }).split("\u0001");
    return [before, linkTo(detail.parent_id), after];
  }
  return t(`event.${kind}`, { worker: detail?.worker ?? "–", n: detail?.rescues ?? "" });
}
