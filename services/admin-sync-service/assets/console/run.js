// The page of one run: what becomes of it, what it has read, what happened to it, and the two things that can be done to it.

import { ApiError, get, onceKey, post } from "./api.js";
import { now } from "./clock.js";
import { announce, fill, h, put } from "./dom.js";
import { duration, exactly, number, period } from "./format.js";
import { blockingRun, inTheWay, request } from "./overlap.js";
import { badge, button, confirmed, explain, notice, outdated } from "./parts.js";
import { bar, ofAnswer, tracker } from "./progress.js";
import { isOver, isRetryable, isStuck, linkTo, mode, moment, who } from "./run-words.js";
import { segments } from "./segments.js";
import { timeline } from "./timeline.js";
import { verdict } from "./verdict.js";
import { every } from "./watch.js";
import { learn, t, tOr } from "./words.js";

learn({
  en: {
    "run.back": "All runs", "run.missing": "There is no run {id}.", "run.outcome": "Outcome", "run.facts": "Facts",
    "run.cancel": "Cancel run", "run.cancel.ask": "Cancel run {id}?",
    "run.cancel.why": "It stops within seconds. What it has read is kept, and retry can go on from there.",
    "run.cancel.told": "Run {id} is being cancelled.", "run.retry": "Retry what is missing",
    "run.refused": "That is not possible: the run is “{state}” by now.", "fact.mode": "Mode", "fact.window": "Window",
    "fact.asked": "Asked for", "fact.by": "{at} by {who}", "fact.attempt": "Attempt", "fact.repeats": "{n}, repeats {run}",
    "fact.began": "Began", "fact.waited": "Waited", "fact.ended": "Ended", "fact.duration": "Duration",
    "fact.records": "Records", "fact.worker": "Worker", "fact.held": "{worker} holds it", "fact.free": "nobody holds it",
    "fact.was": "{worker} had it", "fact.progress": "Last progress", "fact.rescues": "Rescued",
    "fact.rescued": "{n} {n|time|times} from a silent worker", "fact.message": "Message",
    "fact.published": "taken by the broker", "fact.pending": "not taken by the broker yet", "fact.next": "Next try",
    "fact.cancel": "Cancel asked", "fact.verdict": "Verdict", "fact.task": "Task",
  },
  pt: {
    "run.back": "Todas as execuções", "run.missing": "A execução {id} não existe.", "run.outcome": "Resultado",
    "run.facts": "Dados", "run.cancel": "Cancelar execução",
    "run.cancel.ask": "Cancelar a execução {id}?",
    "run.cancel.why": "Ela para em segundos. O que foi lido fica guardado, e repetir continua daí.",
    "run.cancel.told": "A execução {id} está sendo cancelada.", "run.retry": "Repetir o que falta",
    "run.refused": "Não é possível: a execução já está “{state}”.", "fact.mode": "Modo", "fact.window": "Janela",
    "fact.asked": "Pedida", "fact.by": "{at} por {who}", "fact.attempt": "Tentativa", "fact.repeats": "{n}, repete a {run}",
    "fact.began": "Início", "fact.waited": "Esperou", "fact.ended": "Fim", "fact.duration": "Duração",
    "fact.records": "Registros", "fact.worker": "Worker", "fact.held": "está com {worker}", "fact.free": "não está com ninguém",
    "fact.was": "esteve com {worker}", "fact.progress": "Último avanço", "fact.rescues": "Resgatada",
    "fact.rescued": "{n} {n|vez|vezes} de um worker em silêncio", "fact.message": "Mensagem",
    "fact.published": "recebida pelo broker", "fact.pending": "ainda não recebida pelo broker",
    "fact.next": "Próxima tentativa", "fact.cancel": "Cancelamento pedido", "fact.verdict": "Veredito", "fact.task": "Tarefa",
  },
});

const LOOK_MS = 5000;
/** A run that is ending is looked at more often: somebody waits for it. */
const ENDING_MS = 1000;

export function show(place, page) {
  const id = page.params.id;
  const state = { run: null, took: 0 };
  const ending = new AbortController();
  page.signal.addEventListener("abort", () => ending.abort());
  const track = tracker(page, () => look());
  const said = h("div", { id: "run-said" });
  const title = h("h1", {}, t("run.name", { id }));
  const mark = h("span", { id: "run-state" });
  const sentence = h("div", { class: "stack" });
  const facts = h("dl", { class: "facts", id: "run-facts" });
  const parts = { segments: segments(), timeline: timeline() };
  const meter = h("div", { id: "run-progress" });
  const act = actions(id, page, track, said, () => look());
  fill(
    place,
    h("p", {}, h("a", { href: "/console/runs" }, `← ${t("run.back")}`)),
    h("div", { class: "head" }, title, mark, act.element),
    said,
    h(
      "div",
      { class: "columns outcome" },
      h(
        "div",
        { class: "stack" },
        card("run-verdict", t("run.outcome"), "card stack", meter, sentence),
        parts.timeline.element,
      ),
      card("run-data", t("run.facts"), "card", facts),
    ),
    parts.segments.element,
  );
  const look = every(pause, glance, ending.signal, failed);

  async function glance() {
    const begun = Date.now();
    const run = await get(`/sync/executions/${id}`, { signal: page.signal });
    const before = state.run;
    Object.assign(state, { run, took: Date.now() - begun });
    draw(run);
    if (!isOver(run)) return;
    if (before && !isOver(before)) announce(`${t("run.name", { id })}: ${tOr(`state.${run.state}`, run.state)}`);
    // Nothing of it will change any more.
    ending.abort();
  }

  function draw(run) {
    put(mark, badge(run.state));
    if (!meter.firstChild) fill(meter, track.show(run, bar(run)));
    // Of a run that is over every page counts as read that will not be read: the segments tell the truth.
    meter.hidden = isOver(run) || run.started_at === null;
    track.told(run, ofAnswer(run.progress));
    track.watch([run]);
    put(sentence, verdict(run), isStuck(run, run.dispatch) ? notice("warn", t("why.pending")) : null);
    put(facts, factsOf(run));
    parts.segments.update(run);
    parts.timeline.update(run.events);
    act.update(run);
  }

  /** A year of segments is a large answer: it is not asked for all the time. */
  function pause() {
    return state.run?.state === "cancelling" ? Math.max(ENDING_MS, 3 * state.took) : Math.max(LOOK_MS, 10 * state.took);
  }

  function failed(error, at) {
    if (error instanceof ApiError && error.status === 404) {
      ending.abort();
      const back = h("p", {}, h("a", { href: "/console/runs" }, t("run.back")));
      fill(place, h("section", { class: "ending" }, h("h1", {}, t("run.missing", { id })), back));
    } else if (error) {
      put(said, outdated(error, at));
      said.stale = true;
    } else if (said.stale) {
      fill(said);
      said.stale = false;
    }
  }
}

function card(id, title, style, ...content) {
  return h("section", { class: style, id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title), content);
}

/** The two buttons, shown where the state allows what they do. */
function actions(id, page, track, said, look) {
  const key = onceKey();
  const cancel = button(t("run.cancel"), askToCancel, { kind: "danger", id: "run-cancel", hidden: true });
  const retry = button(t("run.retry"), () => again(""), { kind: "strong", id: "run-retry", hidden: true });
  const element = h("div", { class: "actions" }, cancel, retry);
  const say = (kind, ...content) => {
    said.stale = false;
    fill(said, kind ? notice(kind, ...content) : null);
  };

  async function askToCancel() {
    if (!(await confirmed(t("run.cancel.ask", { id }), t("run.cancel.why"), t("run.cancel")))) return;
    try {
      await post(`/sync/executions/${id}/cancel`);
      say(null);
      announce(t("run.cancel.told", { id }));
    } catch (error) {
      refused(error);
    }
    look();
  }

  async function again(query) {
    try {
      const told = await request(`/sync/executions/${id}/retry${query}`, undefined, key);
      page.go(`/console/runs/${told.request_id}`);
    } catch (error) {
      const other = blockingRun(error);
      if (other === null) {
        refused(error);
        return;
      }
      const shown = inTheWay(other, {
        track,
        signal: page.signal,
        wait: () => again("?overlap=queue"),
        look: () => page.go(`/console/runs/${other}`),
        freed: () => say("good", t("overlap.over", { id: String(other) })),
      });
      fill(said, shown);
      shown.focus();
    }
  }

  function refused(error) {
    const state = error instanceof ApiError && error.code === "state_forbids" ? error.problem.state : null;
    say("bad", state ? t("run.refused", { state: tOr(`state.${state}`, state) }) : explain(error));
    look();
  }

  return {
    element,
    update(run) {
      cancel.hidden = !["queued", "running", "retry_wait"].includes(run.state);
      retry.hidden = !isRetryable(run);
    },
  };
}

function factsOf(run) {
  const waited = isOver(run) && !run.started_at ? null : (new Date(run.started_at ?? now()) - new Date(run.created_at)) / 1000;
  const facts = [
    ["mode", mode(run.mode)],
    ["window", run.window_start ? period(run.window_start, run.window_end) : t("run.window.later")],
    ["asked", t("fact.by", { at: exactly(run.created_at), who: who(run.requested_by) })],
    ["attempt", run.parent_id ? repeats(run) : number(run.attempt)],
    ["waited", waited === null ? "–" : duration(waited)],
    ["began", run.started_at ? exactly(run.started_at) : "–"],
    ["ended", run.finished_at ? exactly(run.finished_at) : "–"],
    ["duration", run.started_at ? duration(run.duration_seconds) : "–"],
    ["records", number(run.records_processed)],
    ["verdict", run.verdict ? tOr(`state.${run.verdict}`, run.verdict) : null],
    ["worker", holder(run)],
    ["rescues", run.rescues ? t("fact.rescued", { n: run.rescues }) : null],
    ["progress", isOver(run) || !run.progress_at ? null : moment(run.progress_at)],
    ["next", run.next_attempt_at ? exactly(run.next_attempt_at) : null],
    ["cancel", run.cancel_requested_at ? exactly(run.cancel_requested_at) : null],
    ["message", t(`fact.${run.dispatch}`)],
    ["task", h("code", {}, run.task_id)],
  ];
  const known = facts.filter(([, value]) => value !== null);
  return known.map(([name, value]) => [h("dt", {}, t(`fact.${name}`)), h("dd", { "data-fact": name }, value)]);
}

function repeats(run) {
  const [before, after] = t("fact.repeats", { n: run.attempt, run: "\u0001" }).split("\u0001");
  return [before, linkTo(run.parent_id), after];
}

/** A lease exists exactly while somebody works. */
function holder(run) {
  if (isOver(run)) return run.worker ? t("fact.was", { worker: run.worker }) : null;
  return run.worker ? t("fact.held", { worker: run.worker }) : t("fact.free");
}
