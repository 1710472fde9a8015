// The page "Runs": what runs now, and what ran, newest first. Filters are in the address, so that a list can be sent to somebody
// and the way back works. Rows are looked at again every few seconds; only those that change are touched.

import { get } from "./api.js";
import { now } from "./clock.js";
import { announce, fill, h, keyed, put } from "./dom.js";
import { duration, local, number, period, shifted, today, when } from "./format.js";
import { force } from "./force.js";
import { badge, button, complain, outdated, row, table } from "./parts.js";
import { present } from "./present.js";
import { bar, ofAnswer, tracker } from "./progress.js";
import { FILTERS, asked, filterForm } from "./run-filter.js";
import { linkTo, mode, reason, who } from "./run-words.js";
import { every } from "./watch.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "runs.title": "Runs", "runs.force": "Force a run", "runs.list": "History", "runs.clear": "Clear filters",
    "runs.count.total": "Total", "runs.count.success": "Success", "runs.count.error": "Error", "runs.count.running": "Running",
    "runs.run": "Run", "runs.state": "State", "runs.window": "Window", "runs.result": "Progress", "runs.asked": "Asked for",
    "runs.more": "Show older runs", "runs.told": "{n} more {n|run|runs}", "runs.records": "{n} {n|record|records}",
    "runs.by": "by {who}", "runs.waits": "waits for a worker",
    "runs.empty": "Nothing has run yet. Force an update to read what is new, or a backfill to read days that have passed.",
    "runs.none": "No run fits these filters.",
  },
  pt: {
    "runs.title": "Execuções", "runs.force": "Forçar execução", "runs.list": "Histórico", "runs.clear": "Limpar filtros",
    "runs.count.total": "Total", "runs.count.success": "Sucesso", "runs.count.error": "Erro",
    "runs.count.running": "Em execução", "runs.run": "Execução", "runs.state": "Estado", "runs.window": "Janela",
    "runs.result": "Progresso", "runs.asked": "Pedida", "runs.more": "Mostrar mais antigas",
    "runs.told": "Mais {n} {n|execução|execuções}", "runs.records": "{n} {n|registro|registros}", "runs.by": "por {who}",
    "runs.waits": "aguarda um worker",
    "runs.empty": "Nada foi executado ainda. Force uma atualização para ler o que há de novo, ou um backfill para ler dias passados.",
    "runs.none": "Nenhuma execução corresponde aos filtros.",
  },
});

const LOOK_MS = 5000;
const LIMIT = 50;
/** Runs that are not over; more of them than this at once is a fault of its own. */
const LIVE = 50;
const CAP = 10_000;

export function show(place, page) {
  const wished = wish(page.query);
  const filters = Object.fromEntries(FILTERS.map((name) => [name, wished ? "" : (page.query.get(name) ?? "")]));
  const list = { runs: [], next: null, counts: null };
  const track = tracker(page, () => look());
  const top = present(track);
  const said = h("div", { id: "runs-said" });
  const opener = button(t("runs.force"), () => force(page, {}, track), { kind: "strong", id: "force-open" });
  const history = historyCard(filters, track, { changed, older });
  let asking = new AbortController();

  fill(place, h("div", { class: "head" }, h("h1", {}, t("runs.title")), h("div", { class: "actions" }, opener)), said, top.element, history.element);
  const look = every(LOOK_MS, glance, page.signal, failed);
  if (wished) {
    // The wish is told once: who comes back to this address, or loads it again, wants the list.
    page.here("/console/runs", true);
    force(page, wished, track);
  }

  /** The present and the first page, at once. */
  async function glance() {
    asking = new AbortController();
    const signal = AbortSignal.any([page.signal, asking.signal]);
    const [status, live, first] = await newest(filters, signal);
    const atWork = byImportance(live.executions);
    track.watch(atWork);
    top.update(status, atWork);
    complain(history.form, first instanceof Error ? first : null, { focus: false });
    if (first instanceof Error) return;
    list.runs = merged(list, first);
    list.counts = first;
    history.draw(list);
    // The gateway may be away; one run at a time, since its segments come along.
    const [silent] = track.silent();
    if (!silent) return;
    const run = await get(`/sync/executions/${silent.id}`, { signal });
    track.told(run, ofAnswer(run.progress));
  }

  async function older() {
    const query = `${asked(filters, LIMIT)}&cursor=${encodeURIComponent(list.next)}`;
    const answer = await get(`/sync/history?${query}`, { signal: page.signal }).catch(failed);
    // Other filters may have been chosen meanwhile.
    if (!answer || !query.startsWith(asked(filters, LIMIT))) return;
    const known = new Set(list.runs.map((run) => run.id));
    list.runs = [...list.runs, ...answer.executions.filter((run) => !known.has(run.id))];
    list.next = answer.next_cursor;
    history.draw(list);
    announce(t("runs.told", { n: answer.executions.length }));
  }

  /** Other filters: another list, from its beginning. */
  function changed(values, replace) {
    for (const name of FILTERS) filters[name] = values[name] ?? "";
    const query = new URLSearchParams(FILTERS.filter((name) => filters[name]).map((name) => [name, filters[name]]));
    page.here(`/console/runs${query.size ? `?${query}` : ""}`, replace);
    Object.assign(list, { runs: [], next: null });
    history.wait();
    asking.abort();
    look();
  }

  function failed(error, at) {
    if (error?.name !== "AbortError") put(said, outdated(error, at));
  }
}

/** How it is, the runs that are not over, and the first page of the list; in its place what is wrong with the filters. */
function newest(filters, signal) {
  return Promise.all([
    get("/sync/status", { signal }),
    get(`/sync/history?status=running&limit=${LIVE}`, { signal }),
    get(`/sync/history?${asked(filters, LIMIT)}`, { signal }).catch((error) => (error.fields?.size ? error : Promise.reject(error))),
  ]);
}

/** Filters, counts and rows. `draw(list)` shows what is known; `wait()`: another list is asked for. */
function historyCard(filters, track, { changed, older }) {
  const form = filterForm(filters, changed);
  const counts = h("dl", { class: "counts", id: "runs-counts" });
  const headings = [t("runs.run"), t("runs.state"), t("runs.window"), t("runs.result"), t("runs.asked")];
  const rows = table(t("runs.list"), headings, [], { id: "runs-table" });
  const body = rows.querySelector("tbody");
  const nothing = h("div", { class: "empty", id: "runs-empty", hidden: true });
  const more = button(t("runs.more"), older, { id: "runs-more", hidden: true });
  const title = h("h2", { id: "runs-list" }, t("runs.list"));
  const clear = () =>
    button(t("runs.clear"), () => {
      form.elements.status.focus();
      form.clear();
    });
  return {
    element: h("section", { class: "card list", "aria-labelledby": "runs-list" }, title, form, counts, rows, nothing, more),
    form,
    wait: () => (nothing.hidden = true),
    draw(list) {
      keyed(body, list.runs, (run) => run.id, told, (run) => line(run, headings, track));
      const empty = list.runs.length === 0;
      const filtered = FILTERS.some((name) => filters[name]);
      rows.hidden = empty;
      if (nothing.hidden === empty) {
        nothing.hidden = !empty;
        if (empty) fill(nothing, h("p", {}, t(filtered ? "runs.none" : "runs.empty")), filtered ? clear() : null);
      }
      more.hidden = !list.next;
      tally(counts, list.counts);
    },
  };
}

/** What a link of the coverage asks for, `?force=backfill&from=2026-11-01&to=2026-11-03`: both days are meant, today as far as it is. */
function wish(query) {
  if (query.get("force") !== "backfill") return null;
  const [from, to] = ["from", "to"].map((name) => query.get(name) ?? "");
  if (![from, to].every((text) => /^\d{4}-\d\d-\d\d$/.test(text))) return { mode: "backfill" };
  return { mode: "backfill", from, to: to >= today() ? local(now()) : shifted(to, 1) };
}

/** The first page over what is shown. Rows that were asked for further down stay, unless there may be a gap between. */
function merged(list, first) {
  const fresh = first.executions;
  const last = fresh.at(-1)?.id;
  const below = list.runs.filter((run) => last !== undefined && run.id < last);
  const joined = first.next_cursor !== null && below.length > 0 && list.runs.some((run) => run.id >= last);
  if (!joined) {
    list.next = first.next_cursor;
    return fresh;
  }
  return [...fresh, ...below];
}

/** Those that a worker has before those that wait, the longest under way first. */
function byImportance(runs) {
  const waits = (run) => (run.state === "queued" || run.state === "retry_wait" ? 1 : 0);
  return [...runs].sort((one, other) => waits(one) - waits(other) || one.id - other.id);
}

/** What a row shows of a run: it is drawn anew when that changes. What moves while it runs moves by itself. */
function told(run) {
  const settled = run.status === "running" ? null : [run.records_processed, run.duration_seconds];
  return [run.state, run.window_start, run.window_end, run.error_message, settled];
}

function line(run, headings, track) {
  const cells = [
    h("span", {}, linkTo(run.id), " ", h("span", { class: "quiet" }, mode(run.mode))),
    h("span", {}, badge(run.state), h("span", { class: "quiet clamp", title: run.error_message }, reason(run))),
    run.window_start ? period(run.window_start, run.window_end) : h("span", { class: "quiet" }, t("run.window.later")),
    result(run, track),
    h("span", {}, when(run.created_at), " ", h("span", { class: "quiet" }, t("runs.by", { who: who(run.requested_by) }))),
  ];
  return row(headings, cells, { id: `run-${run.id}` });
}

function result(run, track) {
  if (run.state === "queued" && !run.started_at) return h("span", { class: "quiet" }, t("runs.waits"));
  if (run.status === "running") return track.show(run, bar(run));
  const took = run.started_at ? duration(run.duration_seconds) : "–";
  return h("span", {}, t("runs.records", { n: run.records_processed }), " ", h("span", { class: "quiet" }, took));
}

function tally(place, told) {
  const capped = (count) => (told.counts_capped && count >= CAP ? `${number(CAP)}+` : number(count));
  const kinds = ["total", "success", "error", "running"];
  const pair = (kind) => [h("dt", {}, t(`runs.count.${kind}`)), h("dd", { "data-count": kind }, capped(told[`${kind}_count`]))];
  put(place, kinds.map((kind) => h("div", {}, pair(kind))));
}
