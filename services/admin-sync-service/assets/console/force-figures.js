// What a run would take, in words.

import { h } from "./dom.js";
import { duration, period } from "./format.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "force.span": "{days} {days|day|days}, {segments} {segments|segment|segments}",
    "force.pages": "some {pages} {pages|page|pages}, {records} {records|record|records}",
    "force.items": "some {n} {n|request|requests} for items of what is new",
    "force.seconds": "some {span} at {pace} {pace|request|requests} a second",
    "force.history": "Reckoned from what such days had before.", "force.guess": "A guess: there is no history of such days yet.",
    "force.later": "The window is fixed when the run begins; now it would be:",
  },
  pt: {
    "force.span": "{days} {days|dia|dias}, {segments} {segments|segmento|segmentos}",
    "force.pages": "cerca de {pages} {pages|página|páginas}, {records} {records|registro|registros}",
    "force.items": "cerca de {n} {n|requisição|requisições} por itens do que é novo",
    "force.seconds": "cerca de {span} a {pace} {pace|requisição|requisições} por segundo",
    "force.history": "Calculado a partir do que dias assim já tiveram.",
    "force.guess": "Um palpite: ainda não há histórico de dias assim.",
    "force.later": "A janela é definida quando a execução começa; agora seria:",
  },
});

/** The answer of POST /sync/estimate. */
export function figures(told) {
  const pace = Math.round((told.pace_per_second ?? 0) * 100) / 100;
  return [
    told.mode === "update" ? h("p", { class: "quiet" }, t("force.later"), " ", period(told.window_start, told.window_end)) : null,
    h("p", { class: "figures" }, t("force.span", { days: told.days, segments: told.segments })),
    h("p", {}, t("force.pages", { pages: told.pages, records: told.records })),
    told.item_pages ? h("p", {}, t("force.items", { n: told.item_pages })) : null,
    h("p", {}, t("force.seconds", { span: duration(told.seconds), pace })),
    h("p", { class: "quiet" }, t(`force.${told.basis === "history" ? "history" : "guess"}`)),
  ];
}
