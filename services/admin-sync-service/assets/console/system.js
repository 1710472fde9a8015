// The page of the whole: every service and what makes it ready, the source of runs, what waits in the outbox, what is wrong
// and what to do about it, dead letters, and who changed what.

import { get } from "./api.js";
import { auditCard } from "./audit.js";
import { now } from "./clock.js";
import { fill, h, put, refresh } from "./dom.js";
import { deadLetters } from "./dead-letters.js";
import { ago, duration, number, when } from "./format.js";
import { badge, outdated } from "./parts.js";
import { sourceWords } from "./source.js";
import { every } from "./watch.js";
import { learn, t, tOr } from "./words.js";

learn({
  en: {
    "system.title": "System", "system.services": "Services", "system.version": "Version {version}", "system.up": "up for {span}", "system.since": "for {span}",
    "system.allgood": "All {n} services are ready.", "system.notall": "{n} of {all} {all|service|services} {n|is|are} not ready: {names}.",
    "system.seen": "As it was {ago}.",
    "system.outbox": "Outbox", "system.pending": "Waiting to be published", "system.oldest": "The oldest waits for",
    "system.outbox.empty": "Nothing waits.", "system.outbox.late": "Messages wait unusually long: the broker may be away.",
    "system.incidents": "Open incidents", "system.incidents.none": "None.", "system.todo": "What to do", "system.run": "Run {id}", "system.opened": "since {at}",
    "system.asof": "As of {at}", "system.untold": "Cannot be told now.",
    "check.database": "Database", "check.broker": "Broker", "check.broker.consumer": "Broker, reading", "check.broker.publisher": "Broker, writing", "check.sse_gateway": "Gateway of the streams", "check.backend": "Service behind it", "check.keys": "Keys of tokens",
    "check.partitions": "Parts of tables", "check.shutdown": "Shutting down", "check.source": "Source", "check.queue": "Queue", "check.listener": "Listener",
    "incident.run_incomplete": "Run incomplete", "incident.run_error": "Run failed", "incident.run_lost": "Run lost", "incident.no_progress": "Run gets nowhere",
    "incident.not_claimed": "Nobody takes the run", "incident.no_update": "No complete update", "incident.gap": "Gap", "incident.source_down": "Source down", "incident.dead_letters": "Dead letters",
    "todo.run_incomplete": "What was read is kept. If the source is down, wait until it is OK. Then open the run and press Retry: only what is missing is read.",
    "todo.run_error": "The run’s page has the cause and the events. Mend it (database, disk, settings of the ingestor), then press Retry there.",
    "todo.run_lost": "Its workers died or hung several times: look for crashes and out-of-memory kills of the ingestor. What was read is kept; Retry on the run’s page goes on from there.",
    "todo.no_progress": "If the source is down, the run waits and goes on by itself. Otherwise cancel the run and retry it: nothing is lost.",
    "todo.not_claimed": "See that an ingestor runs and is ready above, and that it reads the same broker and database. Nothing has to be asked for again: the run starts when one does.",
    "todo.no_update": "See in Runs why the last updates did not succeed. Nothing is lost: the next complete one reads from the last proven instant. “Force a run” there starts one now.",
    "todo.gap": "An update could not reach back so far. A backfill of these days reads what was published then, and ends this incident.",
    "todo.source_down": "Runs wait for the portal and go on by themselves. See whether it answers a browser; if it does, look at the ingestor and its way out to the network.",
    "todo.dead_letters": "Some program sent what is no request. Each message below says why. Mend the sender, put back what was meant, drop the rest: that ends this incident.",
  },
  pt: {
    "system.title": "Sistema", "system.services": "Serviços", "system.version": "Versão {version}", "system.up": "no ar há {span}", "system.since": "há {span}",
    "system.allgood": "Todos os {n} serviços estão prontos.", "system.notall": "{n} de {all} {all|serviço|serviços} não {n|está pronto|estão prontos}: {names}.",
    "system.seen": "Como estava {ago}.",
    "system.outbox": "Caixa de saída", "system.pending": "Aguardando publicação", "system.oldest": "A mais antiga espera há",
    "system.outbox.empty": "Nada espera.", "system.outbox.late": "Mensagens esperam mais que o normal: o broker pode estar fora do ar.",
    "system.incidents": "Incidentes abertos", "system.incidents.none": "Nenhum.", "system.todo": "O que fazer", "system.run": "Execução {id}", "system.opened": "desde {at}",
    "system.asof": "Em {at}", "system.untold": "Não é possível saber agora.",
    "check.database": "Banco de dados", "check.broker": "Broker", "check.broker.consumer": "Broker, leitura", "check.broker.publisher": "Broker, escrita", "check.sse_gateway": "Gateway dos streams", "check.backend": "Serviço por trás", "check.keys": "Chaves dos tokens",
    "check.partitions": "Partes das tabelas", "check.shutdown": "Encerrando", "check.source": "Fonte", "check.queue": "Fila", "check.listener": "Escuta",
    "incident.run_incomplete": "Execução incompleta", "incident.run_error": "Execução com erro", "incident.run_lost": "Execução perdida", "incident.no_progress": "Execução não avança",
    "incident.not_claimed": "Ninguém assume a execução", "incident.no_update": "Sem atualização completa", "incident.gap": "Lacuna", "incident.source_down": "Fonte fora do ar", "incident.dead_letters": "Mensagens mortas",
    "todo.run_incomplete": "O que foi lido está guardado. Se a fonte estiver fora do ar, espere até que esteja OK. Depois abra a execução e pressione Repetir: só o que falta é lido.",
    "todo.run_error": "A página da execução tem a causa e os eventos. Corrija (banco de dados, disco, configuração do ingestor) e pressione Repetir lá.",
    "todo.run_lost": "Seus workers caíram ou travaram várias vezes: procure falhas e falta de memória no ingestor. O que foi lido está guardado; Repetir na página da execução continua dali.",
    "todo.no_progress": "Se a fonte estiver fora do ar, a execução espera e segue sozinha. Senão, cancele a execução e repita: nada se perde.",
    "todo.not_claimed": "Veja acima se um ingestor está rodando e pronto, e se ele usa o mesmo broker e banco de dados. Nada precisa ser pedido de novo: a execução começa quando um assumir.",
    "todo.no_update": "Veja em Execuções por que as últimas atualizações não tiveram sucesso. Nada se perde: a próxima completa lê desde o último instante comprovado. “Forçar execução”, lá, inicia uma agora.",
    "todo.gap": "Uma atualização não pôde voltar tanto no tempo. Um backfill desses dias lê o que foi publicado neles e encerra este incidente.",
    "todo.source_down": "As execuções esperam o portal e seguem sozinhas. Veja se ele responde a um navegador; se sim, olhe o ingestor e sua saída para a rede.",
    "todo.dead_letters": "Algum programa enviou o que não é um pedido. Cada mensagem abaixo diz por quê. Corrija quem enviou, devolva o que era válido e descarte o resto: isso encerra este incidente.",
  },
});

const LOOK_MS = 5000;
/** A service is usually looked at every few seconds (NEIGHBOUR_CHECK_MS): what was seen longer ago is told as of then. */
const OLD_MS = 30_000;
/** What waits longer than this in the outbox is told as odd. */
const LATE_SECONDS = 60;

export async function show(place, page) {
  let told = await get("/api/system", { signal: page.signal });
  let live = h("div", { class: "stack", id: "system" });
  const away = h("div", {});
  const letters = deadLetters(page.signal, look);
  const audit = auditCard();
  const drawAll = () => (live = refresh(live, h("div", { class: "stack", id: "system" }, parts(told))));
  async function look() {
    told = await get("/api/system", { signal: page.signal });
    drawAll();
    await Promise.all([letters.look(told.dead_letters), audit.look()]);
  }
  fill(place, h("div", { class: "head" }, h("h1", {}, t("system.title"))), away, h("div", { class: "stack" }, live, h("div", { class: "columns halves" }, letters.element, audit.element)));
  drawAll();
  every(LOOK_MS, look, page.signal, (...failure) => put(away, outdated(...failure)), { since: now() });
}

function parts({ services, source, outbox, incidents, as_of: asOf }) {
  return [
    h("section", { class: "card stack", "aria-labelledby": "services-title" }, h("h2", { id: "services-title" }, t("system.services")), sum(services), h("ul", { class: "services" }, services.map(service))),
    incidents?.length ? incidentCard(incidents) : null,
    h("div", { class: "columns", "data-key": "facts" }, sourceCard(source), outboxCard(outbox), incidents?.length ? null : incidentCard(incidents)),
    h("p", { class: "quiet", "data-key": "as-of" }, t("system.asof", { at: when(asOf) })),
  ];
}

function sum(services) {
  const bad = services.filter(({ state }) => state !== "ready").map(({ service }) => service);
  const names = [...new Set(bad)].join(", ");
  return h("p", {}, bad.length ? t("system.notall", { n: bad.length, all: services.length, names }) : t("system.allgood", { n: services.length }));
}

function service({ service: name, url, state, version, uptime_seconds: uptime, checks, error, seen_at: seen }) {
  const facts = [version && t("system.version", { version }), uptime !== null && uptime !== undefined && t("system.up", { span: duration(uptime) })].filter(Boolean);
  const isOld = seen && now() - new Date(seen) > OLD_MS;
  return h(
    "li",
    { "data-key": `${name} ${url ?? ""}`, class: "service" },
    h("div", { class: "spread" }, h("strong", {}, name), badge(state)),
    facts.length ? h("p", { class: "quiet" }, facts.join(" · ")) : null,
    url ? h("p", { class: "quiet long" }, url) : null,
    error ? h("p", { class: "wrong long" }, error) : null,
    isOld ? h("p", { class: "wrong" }, t("system.seen", { ago: ago(seen) })) : null,
    !checks || !Object.keys(checks).length ? null : h("ul", { class: "checks" }, Object.entries(checks).map(([check, told]) => checkLine(check, told))),
  );
}

function checkLine(name, { status, since, detail }) {
  const span = since ? t("system.since", { span: duration((now() - new Date(since)) / 1000) }) : "";
  return h(
    "li",
    { "data-key": name },
    h("div", { class: "spread" }, h("span", {}, tOr(`check.${name}`, name.replaceAll("_", " "))), badge(status)),
    h("p", { class: "quiet long" }, [detail, span].filter(Boolean).join(" · ")),
  );
}

/** What cannot be told now: the database or the broker is away, which the services above say. */
function untold(key, title) {
  return h("section", { class: "card", "data-key": key, "aria-labelledby": `${key}-title` }, h("h2", { id: `${key}-title` }, title), h("p", { class: "quiet" }, t("system.untold")));
}

function sourceCard(source) {
  if (!source) return untold("source", t("source.title"));
  return h("section", { class: "card", "data-key": "source", "aria-labelledby": "source-title" }, h("h2", { id: "source-title" }, t("source.title")), h("div", { class: "stack" }, sourceWords(source)));
}

function outboxCard(outbox) {
  if (!outbox) return untold("outbox", t("system.outbox"));
  const { pending, oldest_age_seconds: oldest } = outbox;
  const late = pending > 0 && oldest > LATE_SECONDS;
  return h(
    "section",
    { class: "card", "data-key": "outbox", "aria-labelledby": "outbox-title" },
    h("div", { class: "head tight" }, h("h2", { id: "outbox-title" }, t("system.outbox")), badge(late ? "degraded" : "ok")),
    h("dl", { class: "facts" }, h("dt", {}, t("system.pending")), h("dd", {}, number(pending)), h("dt", {}, t("system.oldest")), h("dd", {}, pending ? duration(oldest) : "–")),
    h("p", { class: "quiet" }, late ? t("system.outbox.late") : pending ? "" : t("system.outbox.empty")),
  );
}

function incidentCard(incidents) {
  if (!incidents) return untold("incidents", t("system.incidents"));
  return h(
    "section",
    { class: `card stack${incidents.length ? " has-incidents" : ""}`, "data-key": "incidents", "aria-labelledby": "incidents-title" },
    h("h2", { id: "incidents-title" }, t("system.incidents")),
    incidents.length ? h("ul", { class: "incidents" }, incidents.map(incident)) : h("p", { class: "quiet" }, t("system.incidents.none")),
  );
}

function incident({ id, kind, summary, what_to_do: todo, execution_id: run, opened_at: opened }) {
  return h(
    "li",
    { "data-key": String(id) },
    h("p", { class: "long" }, h("strong", {}, tOr(`incident.${kind}`, kind)), ` · ${summary}`),
    h("p", { class: "long" }, h("span", { class: "quiet" }, `${t("system.todo")}: `), tOr(`todo.${kind}`, todo ?? "–")),
    h("p", { class: "quiet" }, t("system.opened", { at: when(opened) }), run ? [" · ", h("a", { href: `/console/runs/${run}` }, t("system.run", { id: run }))] : null),
  );
}
