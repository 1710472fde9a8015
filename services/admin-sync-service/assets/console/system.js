// The page of the whole: every service and what makes it ready, the source of runs, what waits in the outbox, what is wrong
// and what to do about it, dead letters, and who changed what.

import { get } from "./api.js";
import { fill, h, refresh } from "./dom.js";
import { auditCard } from "./audit.js";
import { deadLetters } from "./dead-letters.js";
import { ago, duration, number, when } from "./format.js";
import { badge, explain, notice } from "./parts.js";
import { every } from "./watch.js";
import { learn, t, tOr } from "./words.js";

learn({
  en: {
    "system.title": "System", "system.services": "Services", "system.version": "Version {version}", "system.up": "up for {span}", "system.since": "for {span}",
    "system.allgood": "All {n} services are ready.", "system.notall": "{n} of {all} {all|service|services} {n|is|are} not ready.",
    "system.source": "Source of runs", "system.breaker": "Breaker", "system.pace": "Pace", "system.pace.text": "{n} {n|request|requests} a second at most", "system.state.since": "Since",
    "system.outbox": "Outbox", "system.pending": "Waiting to be published", "system.oldest": "The oldest waits for",
    "system.outbox.empty": "Nothing waits.", "system.outbox.late": "Messages wait unusually long: the broker may be away.",
    "system.incidents": "Open incidents", "system.incidents.none": "None.", "system.todo": "What to do", "system.run": "Run {id}", "system.opened": "since {at}",
    "system.breaker.closed": "Closed: requests pass", "system.breaker.open": "Open: only single requests are tried", "system.breaker.half_open": "Half open: one request is tried",
    "system.asof": "As of {at}", "system.untold": "Cannot be told now.",
    "check.database": "Database", "check.broker": "Broker", "check.sse_gateway": "Gateway of the streams", "check.backend": "Service behind it", "check.keys": "Keys of tokens",
    "check.partitions": "Parts of tables", "check.shutdown": "Shutting down", "check.source": "Source", "check.queue": "Queue", "check.listener": "Listener",
    "incident.run_incomplete": "Run incomplete", "incident.run_error": "Run failed", "incident.run_lost": "Run lost", "incident.no_progress": "Run gets nowhere",
    "incident.not_claimed": "Nobody takes the run", "incident.no_update": "No complete update", "incident.gap": "Gap", "incident.source_down": "Source down", "incident.dead_letters": "Dead letters",
  },
  pt: {
    "system.title": "Sistema", "system.services": "Serviços", "system.version": "Versão {version}", "system.up": "no ar há {span}", "system.since": "há {span}",
    "system.allgood": "Todos os {n} serviços estão prontos.", "system.notall": "{n} de {all} {all|serviço|serviços} não {n|está pronto|estão prontos}.",
    "system.source": "Fonte das execuções", "system.breaker": "Disjuntor", "system.pace": "Ritmo", "system.pace.text": "no máximo {n} {n|requisição|requisições} por segundo", "system.state.since": "Desde",
    "system.outbox": "Caixa de saída", "system.pending": "Aguardando publicação", "system.oldest": "A mais antiga espera há",
    "system.outbox.empty": "Nada espera.", "system.outbox.late": "Mensagens esperam mais que o normal: o broker pode estar fora do ar.",
    "system.incidents": "Incidentes abertos", "system.incidents.none": "Nenhum.", "system.todo": "O que fazer", "system.run": "Execução {id}", "system.opened": "desde {at}",
    "system.breaker.closed": "Fechado: as requisições passam", "system.breaker.open": "Aberto: só requisições isoladas são tentadas", "system.breaker.half_open": "Meio aberto: uma requisição é tentada",
    "system.asof": "Em {at}", "system.untold": "Não é possível saber agora.",
    "check.database": "Banco de dados", "check.broker": "Broker", "check.sse_gateway": "Gateway dos streams", "check.backend": "Serviço por trás", "check.keys": "Chaves dos tokens",
    "check.partitions": "Partes das tabelas", "check.shutdown": "Encerrando", "check.source": "Fonte", "check.queue": "Fila", "check.listener": "Escuta",
    "incident.run_incomplete": "Execução incompleta", "incident.run_error": "Execução com erro", "incident.run_lost": "Execução perdida", "incident.no_progress": "Execução não avança",
    "incident.not_claimed": "Ninguém assume a execução", "incident.no_update": "Sem atualização completa", "incident.gap": "Lacuna", "incident.source_down": "Fonte fora do ar", "incident.dead_letters": "Mensagens mortas",
  },
});

const LOOK_MS = 5000;
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
  every(LOOK_MS, look, page.signal, (error) => fill(away, error ? notice("warn", explain(error)) : null));
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
  const bad = services.filter(({ state }) => state !== "ready").length;
  return h("p", {}, bad ? t("system.notall", { n: bad, all: services.length }) : t("system.allgood", { n: services.length }));
}

function service({ service: name, url, state, version, uptime_seconds: uptime, checks, error }) {
  const facts = [version && t("system.version", { version }), uptime !== null && uptime !== undefined && t("system.up", { span: duration(uptime) })].filter(Boolean);
  return h(
    "li",
    { "data-key": `${name} ${url ?? ""}`, class: "service" },
    h("div", { class: "spread" }, h("strong", {}, name), badge(state)),
    h("p", { class: "quiet" }, facts.join(" · ") || "–"),
    url ? h("p", { class: "quiet long" }, url) : null,
    error ? h("p", { class: "wrong long" }, error) : null,
    h("ul", { class: "checks" }, Object.entries(checks ?? {}).map(([check, told]) => checkLine(check, told))),
  );
}

function checkLine(name, { status, since, detail }) {
  const span = since ? t("system.since", { span: duration((Date.now() - new Date(since)) / 1000) }) : "";
  return h(
    "li",
    { "data-key": name },
    h("div", { class: "spread" }, h("span", {}, tOr(`check.${name}`, name.replaceAll("_", " "))), badge(status)),
    h("p", { class: "quiet long" }, [detail, span].filter(Boolean).join(" · ")),
  );
}

/** What cannot be told now: the database or the broker is away, which the services above say. */
function untold(key) {
  return h("section", { class: "card", "data-key": key, "aria-labelledby": `${key}-title` }, h("h2", { id: `${key}-title` }, t(`system.${key}`)), h("p", { class: "quiet" }, t("system.untold")));
}

function sourceCard(source) {
  if (!source) return untold("source");
  const pace = source.pace_per_second;
  return h(
    "section",
    { class: "card", "data-key": "source", "aria-labelledby": "source-title" },
    h("div", { class: "head tight" }, h("h2", { id: "source-title" }, t("system.source")), badge(source.state)),
    h(
      "dl",
      { class: "facts" },
      h("dt", {}, t("system.state.since")), h("dd", {}, source.since ? `${when(source.since)} (${ago(source.since)})` : "–"),
      h("dt", {}, t("system.breaker")), h("dd", {}, source.breaker ? tOr(`system.breaker.${source.breaker}`, source.breaker) : "–"),
      h("dt", {}, t("system.pace")), h("dd", {}, pace === null || pace === undefined ? "–" : t("system.pace.text", { n: number(Math.round(pace * 100) / 100) })),
    ),
  );
}

function outboxCard(outbox) {
  if (!outbox) return untold("outbox");
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
  if (!incidents) return untold("incidents");
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
    h("p", { class: "long" }, h("span", { class: "quiet" }, `${t("system.todo")}: `), todo ?? "–"),
    h("p", { class: "quiet" }, t("system.opened", { at: when(opened) }), run ? [" · ", h("a", { href: `/console/runs/${run}` }, t("system.run", { id: run }))] : null),
  );
}
