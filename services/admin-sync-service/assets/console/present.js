// What matters at three in the morning: what runs now or ran last, and how the portal is.

import { h, keyed, put } from "./dom.js";
import { badge, notice } from "./parts.js";
import { ofAnswer, underWay } from "./progress.js";
import { isOver, isStuck, linkTo, moment, reason } from "./run-words.js";
import { learn, t, tOr } from "./words.js";

const MOST_SHOWN = 3;

learn({
  en: {
    "present.now": "Now", "present.idle": "Nothing is running.", "present.more": "{n} more {n|is|are} under way or waiting",
    "present.success": "Last success: {run}, {ago}.", "present.never": "No run has gone well yet.",
    "present.newest": "The newest run did not end well: {run}", "present.source": "Source (PNCP portal)",
    "present.since": "Since", "present.breaker": "Breaker", "present.pace": "Pace",
    "present.rate": "{n} {n|request|requests} a second at most", "breaker.closed": "closed: pages are asked for",
    "breaker.open": "open: nothing is asked but a probe now and then", "breaker.half_open": "half-open: one probe is under way",
    "source.ok": "The portal answers.",
    "source.degraded": "The portal refuses or fails some requests. They are repeated, at a lower pace.",
    "source.down": "The portal does not answer. Runs wait and go on by themselves when it does.",
    "source.silent": "The ingestor has told nothing for 30 seconds or more: nobody reads. Look whether it runs.",
    "source.unheard": "No ingestor has ever told of the portal. Look whether one runs.",
  },
  pt: {
    "present.now": "Agora", "present.idle": "Nada em execução.", "present.more": "Mais {n} em andamento ou na fila",
    "present.success": "Último sucesso: {run}, {ago}.", "present.never": "Nenhuma execução teve sucesso ainda.",
    "present.newest": "A execução mais recente não terminou bem: {run}", "present.source": "Fonte (portal PNCP)",
    "present.since": "Desde", "present.breaker": "Disjuntor", "present.pace": "Ritmo",
    "present.rate": "no máximo {n} {n|requisição|requisições} por segundo", "breaker.closed": "fechado: páginas são pedidas",
    "breaker.open": "aberto: só uma sonda de vez em quando", "breaker.half_open": "meio aberto: uma sonda em andamento",
    "source.ok": "O portal responde.",
    "source.degraded": "O portal recusa ou falha em algumas requisições. Elas são repetidas, em ritmo menor.",
    "source.down": "O portal não responde. As execuções esperam e seguem sozinhas quando ele voltar.",
    "source.silent": "O ingestor não dá notícia há 30 segundos ou mais: ninguém está lendo. Verifique se ele está rodando.",
    "source.unheard": "Nenhum ingestor jamais deu notícia do portal. Verifique se há um rodando.",
  },
});

/** The two cards. `update(status, live)` takes GET /sync/status and the runs that are not over. */
export function present(track) {
  const runs = h("div", { class: "stack" });
  const last = h("div", { class: "stack" });
  const source = h("div", { class: "stack" });
  const element = h(
    "div",
    { class: "columns present" },
    card("runs-now", t("present.now"), runs, last),
    card("runs-source", t("present.source"), source),
  );
  return {
    element,
    update(status, live) {
      const dispatch = (run) => run.id === status.id && isStuck(run, status.dispatch);
      keyed(
        runs,
        live.slice(0, MOST_SHOWN),
        (run) => run.id,
        (run) => [run.state, run.started_at, run.window_start, dispatch(run)],
        (run) => h("div", { class: "under-way" }, underWay(run, track), dispatch(run) ? notice("warn", t("why.pending")) : null),
      );
      const newest = live.find((run) => run.id === status.id);
      if (newest && status.progress) track.told(newest, ofAnswer(status.progress));
      put(last, lastWords(status, live));
      put(source, sourceWords(status.source));
    },
  };
}

function card(id, title, ...content) {
  return h("section", { class: "card", id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title), content);
}

function lastWords(status, live) {
  const more = live.length - MOST_SHOWN;
  const success = status.last_success;
  const about = success && { run: linkTo(success.id), ago: moment(success.finished_at) };
  const failed = status.id !== null && isOver(status) && status.state !== "success";
  return [
    more > 0 ? h("p", {}, h("a", { href: "/console/runs?status=running" }, t("present.more", { n: more }))) : null,
    live.length ? null : h("p", {}, t("present.idle")),
    failed ? notice("warn", newest(status)) : null,
    h("p", { class: "quiet" }, success ? sentence("present.success", about) : t("present.never")),
  ];
}

function newest(status) {
  return [
    h("p", { class: "line" }, sentence("present.newest", { run: linkTo(status.id) }), badge(status.state)),
    h("p", { class: "quiet clamp" }, reason(status)),
  ];
}

function sourceWords(source) {
  const key = sourceKey(source);
  const facts = [["since", moment(source.since)]];
  // What a silent ingestor said last is no news.
  if (key !== "silent" && key !== "unheard") {
    facts.push(["breaker", tOr(`breaker.${source.breaker}`, source.breaker)]);
    facts.push(["pace", t("present.rate", { n: Math.round(source.pace_per_second * 100) / 100 })]);
  }
  return [
    h("p", { class: "line" }, badge(source.state), h("span", {}, t(`source.${key}`))),
    h("dl", { class: "facts" }, facts.map(([name, value]) => [h("dt", {}, t(`present.${name}`)), h("dd", { "data-fact": name }, value)])),
  ];
}

function sourceKey(source) {
  if (source.state !== "down") return source.state in { ok: 1, degraded: 1 } ? source.state : "degraded";
  if (source.since === null) return "unheard";
  return source.breaker === "closed" ? "silent" : "down";
}

/** A sentence with elements in it. */
function sentence(key, parts) {
  const marked = t(key, Object.fromEntries(Object.keys(parts).map((name) => [name, `\u0001${name}\u0001`])));
  return marked.split("\u0001").map((piece, index) => (index % 2 ? parts[piece] : piece));
}
