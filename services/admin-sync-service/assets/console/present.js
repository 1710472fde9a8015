// What matters at three in the morning: what runs now or ran last, and how the portal is.

import { h, keyed, put } from "./dom.js";
import { badge, notice } from "./parts.js";
import { ofAnswer, underWay } from "./progress.js";
import { isOver, isStuck, linkTo, moment, reason } from "./run-words.js";
import { sourceWords } from "./source.js";
import { learn, t } from "./words.js";

const MOST_SHOWN = 3;

learn({
  en: {
    "present.now": "Now", "present.idle": "Nothing is running.", "present.more": "{n} more {n|is|are} under way or waiting",
    "present.success": "Last success: {run}, {ago}.", "present.never": "No run has gone well yet.",
    "present.newest": "The newest run did not end well: {run}",
  },
  pt: {
    "present.now": "Agora", "present.idle": "Nada em execução.", "present.more": "Mais {n} em andamento ou na fila",
    "present.success": "Último sucesso: {run}, {ago}.", "present.never": "Nenhuma execução teve sucesso ainda.",
    "present.newest": "A execução mais recente não terminou bem: {run}",
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
    card("runs-source", t("source.title"), source),
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

/** A sentence with elements in it. */
function sentence(key, parts) {
  const marked = t(key, Object.fromEntries(Object.keys(parts).map((name) => [name, `\u0001${name}\u0001`])));
  return marked.split("\u0001").map((piece, index) => (index % 2 ? parts[piece] : piece));
}
