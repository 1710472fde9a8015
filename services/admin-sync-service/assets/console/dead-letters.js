// Messages that nobody could read: why, when, and what is in them; back into the queue, or away.

import { ApiError, get, post } from "./api.js";
import { announce, fill, h, keyed } from "./dom.js";
import { ago, number, when } from "./format.js";
import { button, confirmed, explain, notice } from "./parts.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "dead.title": "Dead letters", "dead.none": "None: every message could be read.", "dead.unknown": "The broker does not answer, so nobody knows whether there are any.",
    "dead.why": "Some program sent what is no request, or one that could not be done. Mend the sender first; what was meant can go back into the queue.",
    "dead.count": "{n} {n|message|messages}", "dead.shown": "The first {shown} of {n}.", "dead.reason": "Why: {reason}", "dead.noreason": "No reason is given.",
    "dead.body": "What is in it", "dead.cut": "Only its beginning is shown.", "dead.message": "Message {id}",
    "dead.requeue": "Put back", "dead.drop": "Drop", "dead.requeue.all": "Put all back", "dead.drop.all": "Drop all",
    "dead.drop.ask": "Drop this message?", "dead.drop.why": "It is gone for good then; a request in it will not be done.", "dead.drop.all.ask": "Drop all {n} {n|message|messages}?", "dead.drop.all.why": "They are gone for good then; requests in them will not be done.",
    "dead.requeued": "{n} {n|message is|messages are} back in the queue.", "dead.dropped": "{n} {n|message is|messages are} dropped.",
  },
  pt: {
    "dead.title": "Mensagens mortas", "dead.none": "Nenhuma: todas as mensagens puderam ser lidas.", "dead.unknown": "O broker não responde, por isso não se sabe se há alguma.",
    "dead.why": "Algum programa enviou o que não é um pedido, ou um que não pôde ser feito. Corrija primeiro quem enviou; o que era válido pode voltar à fila.",
    "dead.count": "{n} {n|mensagem|mensagens}", "dead.shown": "As primeiras {shown} de {n}.", "dead.reason": "Motivo: {reason}", "dead.noreason": "Nenhum motivo informado.",
    "dead.body": "O que há nela", "dead.cut": "Só o começo é mostrado.", "dead.message": "Mensagem {id}",
    "dead.requeue": "Devolver à fila", "dead.drop": "Descartar", "dead.requeue.all": "Devolver todas", "dead.drop.all": "Descartar todas",
    "dead.drop.ask": "Descartar esta mensagem?", "dead.drop.why": "Ela se perde para sempre; um pedido nela não será feito.", "dead.drop.all.ask": "Descartar {n} {n|mensagem|mensagens}?", "dead.drop.all.why": "Elas se perdem para sempre; pedidos nelas não serão feitos.",
    "dead.requeued": "{n} {n|mensagem voltou|mensagens voltaram} à fila.", "dead.dropped": "{n} {n|mensagem foi descartada|mensagens foram descartadas}.",
  },
});

const PATH = "/api/system/dead-letters";
const MOST = 20;

/** The card, and `look(count)` with what the system says; `changed` is called when something was put back or dropped. */
export function deadLetters(signal, changed) {
  const badge = h("span", { class: "badge" });
  const text = h("p", { class: "quiet" });
  const list = h("ul", { class: "letters" });
  const said = h("div", {});
  const all = h(
    "div",
    { class: "actions", hidden: true },
    button(t("dead.requeue.all"), () => act("requeue", "requeue"), { id: "requeue-all" }),
    button(t("dead.drop.all"), dropAll, { kind: "danger", id: "drop-all" }),
  );
  let known = null;
  let count = 0;

  async function look(told) {
    if (told === null || told === undefined) {
      known = null;
      return draw(null, []);
    }
    // Reading them takes them out of the queue and puts them back: not done every few seconds for nothing.
    if (told === known) return undefined;
    let answer = { count: 0, messages: [] };
    try {
      if (told > 0) answer = await get(`${PATH}?limit=${MOST}`, { signal });
    } catch (error) {
      // Somebody else looks right now, or the broker has just gone: the next look will tell.
      if (error instanceof ApiError && [409, 503].includes(error.status)) return undefined;
      throw error;
    }
    known = told;
    return draw(answer.count, answer.messages);
  }
  function draw(n, messages) {
    count = n ?? 0;
    badge.textContent = n === null ? "?" : t("dead.count", { n: number(n) });
    badge.className = `badge is-${n ? "incomplete" : n === 0 ? "ok" : "unknown"}`;
    text.textContent = n === null ? t("dead.unknown") : n === 0 ? t("dead.none") : [t("dead.why"), n > messages.length ? t("dead.shown", { shown: number(messages.length), n: number(n) }) : ""].join(" ");
    all.hidden = !n;
    keyed(list, messages, (message) => message.key, (message) => message, (message) => letter(message));
  }

  /** `what` is the part of the path; `kind` is requeue or drop. */
  async function act(what, kind) {
    try {
      const answer = await post(`${PATH}/${what}`);
      const told = kind === "requeue" ? t("dead.requeued", { n: answer.requeued }) : t("dead.dropped", { n: answer.dropped });
      fill(said, notice("good", told));
      announce(told);
    } catch (error) {
      fill(said, notice("bad", explain(error)));
    }
    known = null;
    await changed();
  }
  async function dropAll() {
    if (await confirmed(t("dead.drop.all.ask", { n: number(count) }), t("dead.drop.all.why"), t("dead.drop.all"))) await act("drop", "drop");
  }
  async function drop(key) {
    if (await confirmed(t("dead.drop.ask"), t("dead.drop.why"), t("dead.drop"))) await act(`${encodeURIComponent(key)}/drop`, "drop");
  }

  function letter({ key, reason, at, original_message_id: id, body, truncated }) {
    return h(
      "li",
      { class: "letter" },
      h("p", { class: "long" }, h("strong", {}, reason ? t("dead.reason", { reason }) : t("dead.noreason"))),
      h("p", { class: "quiet long" }, [id ? t("dead.message", { id }) : "", at ? `${when(at)} (${ago(at)})` : ""].filter(Boolean).join(" · ")),
      h("details", { class: "fold" }, h("summary", {}, t("dead.body")), h("pre", { class: "sample", tabindex: "0" }, body ?? ""), truncated ? h("p", { class: "quiet" }, t("dead.cut")) : null),
      h(
        "div",
        { class: "actions" },
        button(t("dead.requeue"), () => act(`${encodeURIComponent(key)}/requeue`, "requeue"), { "data-key": `requeue/${key}` }),
        button(t("dead.drop"), () => drop(key), { kind: "danger", "data-key": `drop/${key}` }),
      ),
    );
  }

  return {
    element: h("section", { class: "card stack", id: "dead-letters", "aria-labelledby": "dead-title" }, h("div", { class: "head tight" }, h("h2", { id: "dead-title" }, t("dead.title")), badge), text, said, list, all),
    look,
  };
}
