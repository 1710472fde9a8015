// How the source of runs is, in the same words wherever it is told: its state, what that means, and how it is asked.

import { h } from "./dom.js";
import { badge } from "./parts.js";
import { moment } from "./run-words.js";
import { learn, t, tOr } from "./words.js";

learn({
  en: {
    "source.title": "Source (PNCP portal)",
    "source.since": "Since", "source.breaker": "Breaker", "source.pace": "Pace",
    "source.rate": "{n} {n|request|requests} a second at most", "source.breaker.closed": "closed: pages are asked for",
    "source.breaker.open": "open: nothing is asked but a probe now and then", "source.breaker.half_open": "half-open: one probe is under way",
    "source.ok": "The portal answers.",
    "source.degraded": "The portal refuses or fails some requests. They are repeated, at a lower pace.",
    "source.down": "The portal does not answer. Runs wait and go on by themselves when it does.",
    "source.silent": "The ingestor has told nothing for 30 seconds or more: nobody reads. Look whether it runs.",
    "source.unheard": "No ingestor has ever told of the portal. Look whether one runs.",
  },
  pt: {
    "source.title": "Fonte (portal PNCP)",
    "source.since": "Desde", "source.breaker": "Disjuntor", "source.pace": "Ritmo",
    "source.rate": "no máximo {n} {n|requisição|requisições} por segundo", "source.breaker.closed": "fechado: páginas são pedidas",
    "source.breaker.open": "aberto: só uma sonda de vez em quando", "source.breaker.half_open": "meio aberto: uma sonda em andamento",
    "source.ok": "O portal responde.",
    "source.degraded": "O portal recusa ou falha em algumas requisições. Elas são repetidas, em ritmo menor.",
    "source.down": "O portal não responde. As execuções esperam e seguem sozinhas quando ele voltar.",
    "source.silent": "O ingestor não dá notícia há 30 segundos ou mais: ninguém está lendo. Verifique se ele está rodando.",
    "source.unheard": "Nenhum ingestor jamais deu notícia do portal. Verifique se há um rodando.",
  },
});

/** What a card of it shows; `source` as GET /sync/status and GET /api/system have it. */
export function sourceWords(source) {
  const key = sourceKey(source);
  const facts = [["since", moment(source.since)]];
  // What a silent ingestor said last is no news.
  if (key !== "silent" && key !== "unheard") {
    facts.push(["breaker", tOr(`source.breaker.${source.breaker}`, source.breaker)]);
    facts.push(["pace", t("source.rate", { n: Math.round(source.pace_per_second * 100) / 100 })]);
  }
  return [
    h("p", { class: "line" }, badge(source.state), h("span", {}, t(`source.${key}`))),
    h("dl", { class: "facts" }, facts.map(([name, value]) => [h("dt", {}, t(`source.${name}`)), h("dd", { "data-fact": name }, value)])),
  ];
}

function sourceKey(source) {
  if (source.state !== "down") return source.state in { ok: 1, degraded: 1 } ? source.state : "degraded";
  if (source.since === null) return "unheard";
  return source.breaker === "closed" ? "silent" : "down";
}
