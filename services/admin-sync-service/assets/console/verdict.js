// What became of a run, as a sentence: how much is complete, what is missing, and what a person can do about it.

import { h } from "./dom.js";
import { day, days, when } from "./format.js";
import { modalidade } from "./modalidades.js";
import { isOver, reason } from "./run-words.js";
import { learn, t, tOr } from "./words.js";

const MOST_NAMED = 4;

learn({
  en: {
    "verdict.queued": "It waits for a worker. One takes it when it has a place, and when no run with an overlapping window is at work.",
    "verdict.retry_wait": "Something of ours failed: {why}. It is tried again {at}.",
    "verdict.running": "A worker reads. What is read is kept, whatever happens.",
    "verdict.cancelling": "It is being cancelled: its worker finishes the page that it reads, then stops. What is read is kept.",
    "verdict.success": "Everything that the portal has for this window is here: {done} of {all} {all|segment is|segments are} complete.",
    "verdict.incomplete": "{done} of {all} {all|segment is|segments are} complete.",
    "verdict.suspected": "{done} of {all} {all|segment is|segments are} complete. The others came back empty where the days around them have records: that is doubted, not believed.",
    "verdict.cancelled": "It was cancelled with {done} of {all} segments complete. What was read is kept.",
    "verdict.cancelled.none": "It was cancelled before anything was read.",
    "verdict.error": "It could not go on: {why}. {done} of {all} segments are complete; what was read is kept.",
    "verdict.lost": "Its workers fell silent, so it was given up: {why}. {done} of {all} segments are complete; what was read is kept. Look whether the ingestor runs.",
    "verdict.missing": "Missing:", "verdict.days": "{n} days, {span}",
    "verdict.more": "and {n} more {n|modalidade|modalidades}",
    "verdict.retry": "What you can do: retry reads only what is not complete, as a new run.",
    "verdict.retry.doubt": "What you can do: retry looks again at these only. A zero that is found again six hours later is believed.",
    "segment.items": "Items of what changed", "class.rate_limited": "too many requests (429)",
    "class.overloaded": "the portal is overloaded", "class.server_error": "the portal failed",
    "class.timeout": "no answer in time", "class.unreachable": "no connection", "class.bad_content": "an unusable answer",
    "class.unprocessable": "refused as unprocessable (422)", "class.rejected": "the portal refuses the question",
    "class.not_found": "not found (404)", "class.source_down": "the portal was down for too long",
    "class.moving": "the list kept changing while it was read", "class.suspected_outage": "empty, which is doubted",
  },
  pt: {
    "verdict.queued": "Aguarda um worker. Um deles a pega quando tiver lugar e nenhuma execução com janela sobreposta estiver em andamento.",
    "verdict.retry_wait": "Algo nosso falhou: {why}. Nova tentativa {at}.",
    "verdict.running": "Um worker está lendo. O que é lido fica guardado, aconteça o que acontecer.",
    "verdict.cancelling": "Está sendo cancelada: o worker termina a página que está lendo e para. O que foi lido fica guardado.",
    "verdict.success": "Tudo o que o portal tem para esta janela está aqui: {done} de {all} {all|segmento completo|segmentos completos}.",
    "verdict.incomplete": "{done} de {all} {all|segmento completo|segmentos completos}.",
    "verdict.suspected": "{done} de {all} {all|segmento completo|segmentos completos}. Os outros vieram vazios onde os dias ao redor têm registros: isso é posto em dúvida.",
    "verdict.cancelled": "Foi cancelada com {done} de {all} segmentos completos. O que foi lido fica guardado.",
    "verdict.cancelled.none": "Foi cancelada antes de ler qualquer coisa.",
    "verdict.error": "Não pôde continuar: {why}. {done} de {all} segmentos completos; o que foi lido fica guardado.",
    "verdict.lost": "Os workers silenciaram, e ela foi abandonada: {why}. {done} de {all} segmentos completos; o que foi lido fica guardado. Verifique se o ingestor está rodando.",
    "verdict.missing": "Faltam:", "verdict.days": "{n} dias, {span}", "verdict.more": "e mais {n} {n|modalidade|modalidades}",
    "verdict.retry": "O que você pode fazer: repetir lê só o que não está completo, como uma nova execução.",
    "verdict.retry.doubt": "O que você pode fazer: repetir olha de novo só para estes. Um zero encontrado de novo seis horas depois é aceito.",
    "segment.items": "Itens do que mudou", "class.rate_limited": "requisições demais (429)",
    "class.overloaded": "portal sobrecarregado", "class.server_error": "o portal falhou",
    "class.timeout": "sem resposta a tempo", "class.unreachable": "sem conexão", "class.bad_content": "resposta inutilizável",
    "class.unprocessable": "recusado como não processável (422)", "class.rejected": "o portal recusa a pergunta",
    "class.not_found": "não encontrado (404)", "class.source_down": "o portal ficou fora do ar tempo demais",
    "class.moving": "a lista mudava enquanto era lida", "class.suspected_outage": "vazio, o que é posto em dúvida",
  },
});

/** The kind of a segment's failure in words. */
export const failure = (segment) => (segment.error_class ? tOr(`class.${segment.error_class}`, segment.error_class) : "");

/** A segment by the words that people know it by. */
export const named = (segment) => (segment.modalidade === 0 ? t("segment.items") : modalidade(segment.modalidade));

export const isComplete = (segment) => segment.state === "complete";

/** The sentence, what is missing, and the advice: elements. */
export function verdict(run) {
  const left = run.segments.filter((segment) => !isComplete(segment));
  const all = run.segments.length;
  const figures = { done: all - left.length, all, why: reason(run), at: run.next_attempt_at ? when(run.next_attempt_at) : "" };
  const doubt = run.verdict === "suspected_outage";
  const shown = [h("p", { id: "run-sentence" }, t(`verdict.${key(run, doubt)}`, figures))];
  if (!isOver(run) || run.state === "success") return shown;
  if (left.length && all > left.length) shown.push(h("p", {}, t("verdict.missing")), missing(left));
  return [...shown, h("p", {}, t(doubt ? "verdict.retry.doubt" : "verdict.retry"))];
}

function key(run, doubt) {
  if (run.state === "incomplete") return doubt ? "suspected" : "incomplete";
  if (run.state === "cancelled" && run.segments.length === 0) return "cancelled.none";
  return run.state;
}

/** By modalidade: a year of days is one line. */
function missing(left) {
  const groups = new Map();
  for (const segment of left) groups.set(segment.modalidade, [...(groups.get(segment.modalidade) ?? []), segment]);
  const worst = [...groups.values()].sort((one, other) => other.length - one.length);
  const lines = worst.slice(0, MOST_NAMED).map((segments) => h("li", {}, line(segments)));
  const more = groups.size - MOST_NAMED;
  return h("ul", { class: "missing" }, lines, more > 0 ? h("li", {}, t("verdict.more", { n: more })) : null);
}

function line(segments) {
  const all = segments.map((segment) => segment.day_from).sort();
  const about = [...new Set(segments.map(failure).filter(Boolean))].join(", ");
  const span = all.length === 1 ? day(all[0]) : t("verdict.days", { n: all.length, span: days(all[0], all.at(-1)) });
  return [h("strong", {}, named(segments[0])), `: ${span}`, about ? h("span", { class: "quiet" }, ` – ${about}`) : null];
}
