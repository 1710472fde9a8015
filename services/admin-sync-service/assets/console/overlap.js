// Asking for a run, and the answer that another one is in its way: which one, how far it is, and what can be done.

import { ApiError, get, post } from "./api.js";
import { h } from "./dom.js";
import { button, notice } from "./parts.js";
import { ofAnswer, underWay } from "./progress.js";
import { isOver } from "./run_words.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "overlap.title": "Run {id} is in the way", "overlap.why": "It reads an overlapping window, and nothing is read twice at once.",
    "overlap.over": "Run {id} is over: the way is free.", "overlap.wait": "Start after run {id}", "overlap.look": "Look at run {id}",
  },
  pt: {
    "overlap.title": "A execução {id} está no caminho", "overlap.why": "Ela lê uma janela que se sobrepõe, e nada é lido duas vezes ao mesmo tempo.",
    "overlap.over": "A execução {id} terminou: o caminho está livre.", "overlap.wait": "Iniciar depois da execução {id}", "overlap.look": "Ver a execução {id}",
  },
});

const TRIES = 5;

/** Asks for a run, once however often it is sent: under `key` the first answer is given again. */
export async function request(path, body, key) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await post(path, body, { headers: { "Idempotency-Key": key } });
    } catch (error) {
      if (error.code !== "request_in_flight" || tried === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, (error.retryAfter ?? 1) * 1000));
    }
  }
}

/** The run in the way, if that is what `error` says. */
export const blockingRun = (error) => (error instanceof ApiError && error.code === "overlapping_execution" ? error.problem.blocking_id : null);

/**
 * Says that run `id` is in the way. `wait` asks for the run nevertheless, behind it; `look` goes to it. `signal` ends the watching;
 * `freed` is called when the way is free.
 */
export function inTheWay(id, { track, signal, wait, look, freed }) {
  const run = String(id);
  const about = h("div", { class: "stack" });
  const shown = notice(
    "warn",
    h("p", {}, h("strong", {}, t("overlap.title", { id: run }))),
    h("p", { class: "quiet" }, t("overlap.why")),
    about,
    h(
      "div",
      { class: "actions" },
      button(t("overlap.wait", { id: run }), wait, { kind: "strong", id: "overlap-wait" }),
      button(t("overlap.look", { id: run }), look, { id: "overlap-look" }),
    ),
  );
  shown.id = "overlap";
  shown.tabIndex = -1;
  describe(id, about, { track, signal, freed }).catch(() => {});
  return shown;
}

async function describe(id, about, { track, signal, freed }) {
  const run = await get(`/sync/executions/${id}`, { signal });
  if (isOver(run)) {
    freed();
    return;
  }
  about.append(...underWay(run, track));
  track.told(run, ofAnswer(run.progress, run.records_processed));
  const release = track.first(run);
  signal.addEventListener("abort", release, { once: true });
  const gone = track.whenChanged(run, () => {
    gone();
    release();
    if (!signal.aborted) describe(id, (about.replaceChildren(), about), { track, signal, freed }).catch(() => {});
  });
}
