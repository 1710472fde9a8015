// Asking for a run, and the answer that another one is in its way: which one, how far it is, and what can be done.

import { ApiError, get, post } from "./api.js";
import { h, keyed } from "./dom.js";
import { button, notice } from "./parts.js";
import { ofAnswer, underWay } from "./progress.js";
import { isOver } from "./run-words.js";
import { every } from "./watch.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "overlap.title": "Run {id} is in the way",
    "overlap.why": "It reads an overlapping window, and nothing is read twice at once.",
    "overlap.over": "Run {id} is over: the way is free.", "overlap.wait": "Start after run {id}",
    "overlap.look": "Look at run {id}",
  },
  pt: {
    "overlap.title": "A execução {id} está no caminho",
    "overlap.why": "Ela lê uma janela que se sobrepõe, e nada é lido duas vezes ao mesmo tempo.",
    "overlap.over": "A execução {id} terminou: o caminho está livre.", "overlap.wait": "Iniciar depois da execução {id}",
    "overlap.look": "Ver a execução {id}",
  },
});

const TRIES = 5;
const LOOK_MS = 10_000;

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
  watch(id, about, { track, signal, freed });
  return shown;
}

/** Says how far it is until it is over; the stream tells when that may be, a look now and then serves where there is no stream. */
function watch(id, about, { track, signal, freed }) {
  const ending = new AbortController();
  const until = AbortSignal.any([signal, ending.signal]);
  const look = every(LOOK_MS, glance, until);
  let followed = false;
  async function glance() {
    const run = await get(`/sync/executions/${id}`, { signal: until });
    if (isOver(run)) {
      ending.abort();
      freed();
      return;
    }
    keyed(about, [run], () => id, () => [run.state, run.window_start], () => h("div", { class: "under-way" }, underWay(run, track)));
    track.told(run, ofAnswer(run.progress));
    if (followed) return;
    followed = true;
    const ends = [track.first(run), track.whenChanged(run, look)];
    until.addEventListener("abort", () => ends.forEach((end) => end()), { once: true });
  }
}
