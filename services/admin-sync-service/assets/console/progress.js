// How far a run is: the bar, and the streams that move it. A browser has six connections to a host, for all tabs, so only a few
// runs are followed at once.

import { h } from "./dom.js";
import { duration, percent, period } from "./format.js";
import { badge } from "./parts.js";
import { isOver, linkTo, mode } from "./run-words.js";
import { follow } from "./watch.js";
import { learn, t } from "./words.js";

const MOST_STREAMS = 3;
/** A stream that says nothing for so long is not waited for. */
const PATIENCE_MS = 4000;

learn({
  en: {
    "progress.label": "Progress of run {id}", "progress.pages": "{done} of {total} {total|page|pages}",
    "progress.left": "{span} left", "progress.unknown": "not known yet",
    "progress.waits": "Waits for a worker, or for a run with an overlapping window.",
  },
  pt: {
    "progress.label": "Progresso da execução {id}", "progress.pages": "{done} de {total} {total|página|páginas}",
    "progress.left": "faltam {span}", "progress.unknown": "ainda não se sabe",
    "progress.waits": "Aguarda um worker, ou uma execução com janela sobreposta.",
  },
});

/** `progress` of an answer of the API, as bars know it. */
export const ofAnswer = (progress) => ({
  share: progress.percent / 100,
  pages: progress.pages_done,
  total: progress.pages_total,
  eta: progress.eta_seconds,
});

const ofEvent = (data) => ({
  share: data.value,
  pages: data.pages,
  total: data.pages_total,
  eta: data.eta_seconds,
});

/** A bar that `update(progress)` moves in place: nothing around it is drawn anew, and nobody is read to aloud. */
export function bar(run) {
  const meter = h("progress", { max: 1, "aria-label": t("progress.label", { id: String(run.id) }) });
  const share = h("span", { class: "share" });
  const rest = h("span", { class: "quiet" });
  const made = h("div", { class: "bar-of-run", "data-key": `bar-${run.id}` }, meter, h("div", { class: "bar-words" }, share, rest));
  made.update = (progress) => {
    const known = progress && progress.total !== null && progress.total !== undefined;
    meter.value = known ? progress.share : 0;
    const said = known ? percent(progress.share, progress.share < 0.1 ? 1 : 0) : "";
    const about = words(progress, known);
    write(share, said);
    write(rest, about);
    meter.setAttribute("aria-valuetext", [said, about].filter(Boolean).join(", "));
  };
  made.update(null);
  return made;
}

/** A run that is not over in two lines: which one, and how far it is. */
export function underWay(run, track) {
  const about = [mode(run.mode), run.window_start ? period(run.window_start, run.window_end) : null].filter(Boolean).join(" · ");
  return [
    h("p", { class: "line" }, linkTo(run.id), badge(run.state), h("span", { class: "quiet" }, about)),
    run.started_at ? track.show(run, bar(run)) : h("p", { class: "quiet" }, t("progress.waits")),
  ];
}

function words(progress, known) {
  if (!known) return t("progress.unknown");
  const pages = t("progress.pages", { done: progress.pages, total: progress.total });
  const left = progress.eta === null || progress.eta === undefined || progress.share >= 1 ? "" : t("progress.left", { span: roughly(progress.eta) });
  return [pages, left].filter(Boolean).join(" · ");
}

/** Nobody can count on the seconds of minutes. */
const roughly = (seconds) => duration(seconds < 60 ? seconds : Math.ceil(seconds / 60) * 60);

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Follows runs on the task stream and moves their bars. `watch(runs)` says which matter, the most important first; `show(run, made)`
 * has `made` moved; `told(run, progress)` brings what was looked up, for those that are not followed. `changed(id)` is called when a
 * run has begun or ended.
 */
export function tracker(page, changed) {
  const bars = shelf();
  const states = stateWatch(changed);
  const streams = new Map();
  const urgent = new Map();
  const ended = new Set();
  let wanted = [];
  function stop(task) {
    streams.get(task)?.close();
    streams.delete(task);
  }
  function heard(stream, type, data) {
    const { run } = stream;
    stream.live = true;
    if (type === "progress_update") {
      bars.set(run.task_id, ofEvent(data));
      states.moved(run, data.state);
    } else if (type === "task_started") {
      states.moved(run, "running");
    } else {
      ended.add(run.task_id);
      stop(run.task_id);
      states.moved(run, "over");
    }
  }
  function open(run) {
    states.begin(run);
    const stream = { run, live: false, since: Date.now(), close: () => {} };
    streams.set(run.task_id, stream);
    const lost = (isLost) => (stream.live &&= !isLost);
    stream.close = follow(page.session.stream_url, run.task_id, page.signal, (...event) => heard(stream, ...event), lost);
  }
  function choose() {
    const runs = new Map([...urgent.values(), ...wanted].filter((run) => !isOver(run) && !ended.has(run.task_id)).map((run) => [run.task_id, run]));
    const chosen = [...runs.values()].slice(0, MOST_STREAMS);
    for (const task of [...streams.keys()]) if (!chosen.some((run) => run.task_id === task)) stop(task);
    for (const run of chosen) if (!streams.has(run.task_id)) open(run);
  }
  return {
    show: bars.show,
    whenChanged: states.whenChanged,
    watch(runs) {
      wanted = runs;
      choose();
    },
    /** `run` is followed before all others, until the returned function is called. */
    first(run) {
      urgent.set(run.task_id, run);
      choose();
      return () => {
        urgent.delete(run.task_id);
        choose();
      };
    },
    silent: () => silent(streams),
    told(run, progress) {
      const stream = streams.get(run.task_id);
      // A look that was under way may bring less than the stream has told since.
      if (stream?.live) return;
      if (stream) stream.since = Date.now();
      bars.set(run.task_id, progress);
    },
  };
}

/** The bars of each task, and the newest that is known of it: a bar that is made later shows that at once. */
function shelf() {
  const bars = new Map();
  const known = new Map();
  return {
    set(task, progress) {
      known.set(task, progress);
      const left = (bars.get(task) ?? []).filter(isThere);
      bars.set(task, left);
      for (const made of left) made.update(progress);
    },
    show(run, made) {
      bars.set(run.task_id, [...(bars.get(run.task_id) ?? []), made]);
      if (known.has(run.task_id)) made.update(known.get(run.task_id));
      return made;
    },
  };
}

/** The state of each task, and who waits for another one. */
function stateWatch(changed) {
  const states = new Map();
  const waiting = new Set();
  return {
    begin(run) {
      if (!states.has(run.task_id)) states.set(run.task_id, run.state);
    },
    /** A stream begins with where the run is: that is news only where it is another state. */
    moved(run, state) {
      if (states.get(run.task_id) === state) return;
      states.set(run.task_id, state);
      for (const one of [...waiting]) if (one.task === run.task_id) one.then();
      changed(run.id);
    },
    /** Calls `then` when a followed run begins, ends or takes another state, until the returned function is called. */
    whenChanged(run, then) {
      const one = { task: run.task_id, then };
      waiting.add(one);
      return () => waiting.delete(one);
    },
  };
}

/** Runs whose stream is silent, the one first that was looked up longest ago: they have to be asked for. */
function silent(streams) {
  const late = [...streams.values()].filter((stream) => !stream.live && stream.run.started_at && Date.now() - stream.since > PATIENCE_MS);
  return late.sort((one, other) => one.since - other.since).map((stream) => stream.run);
}

/** A bar is made before it is put on the page, and dropped once it was taken off it. */
function isThere(made) {
  made.was ||= made.isConnected;
  return made.isConnected || !made.was;
}
