// Looking again and again, and following a run. Both end with the page's signal, both rest while nobody looks.

import { now } from "./clock.js";

/**
 * Calls `look` now, and `ms` after each end of it, until `signal`; `ms` may be a function that knows better each time. After each
 * look `failed` is called: with null, or with why it failed and when the last one did not, and it is repeated. What comes back looks
 * at once; where a look is under way, once more right after it. `since`: when what is shown already was so. `fresh`: that is just now
 * and all of it, so the first look can wait.
 */
export function every(ms, look, signal, failed, { fresh = false, since = fresh ? now() : null } = {}) {
  let at = since;
  let timer = null;
  let looking = false;
  let wanted = false;
  async function turn() {
    clearTimeout(timer);
    wanted = looking;
    if (looking || signal.aborted) return;
    looking = true;
    try {
      await look();
      at = now();
      failed?.(null);
    } catch (error) {
      if (error.name !== "AbortError" && !signal.aborted) failed?.(error, at);
    }
    looking = false;
    if (signal.aborted) return;
    if (wanted) turn();
    else rest();
  }
  function rest() {
    // Many consoles must not ask in step.
    const wait = typeof ms === "function" ? ms() : ms;
    if (!document.hidden) timer = setTimeout(turn, wait * (0.9 + Math.random() * 0.2));
  }
  document.addEventListener("visibilitychange", () => !document.hidden && turn(), { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  if (fresh) rest();
  else turn();
  return turn;
}

/**
 * Follows the run `taskId` on the gateway at `base`: `heard(type, data)` for each task event, `lost(true)` while the stream
 * is down. Ends with the run, with `signal`, or with the returned function. Where nobody looks it lets go of its connection: a
 * browser has six of them for all tabs.
 */
export function follow(base, taskId, signal, heard, lost = () => {}) {
  let stream = null;
  let timer = null;
  let over = false;
  const close = () => {
    over = true;
    clearTimeout(timer);
    stream?.close();
  };
  function open() {
    clearTimeout(timer);
    if (over || signal.aborted || document.hidden) return;
    stream?.close();
    stream = new EventSource(`${base}/api/sse/tasks?task_id=${encodeURIComponent(taskId)}`);
    stream.addEventListener("connection_open", () => lost(false));
    stream.addEventListener("task_event", (event) => {
      const told = JSON.parse(event.data);
      heard(told.event_type, told.data ?? {});
    });
    stream.addEventListener("connection_close", close);
    stream.addEventListener("error", () => {
      if (over) return;
      lost(true);
      // EventSource gives up for good on anything but a 200.
      if (stream.readyState === EventSource.CLOSED) timer = setTimeout(open, 2000 + Math.random() * 8000);
    });
  }
  signal.addEventListener("abort", close);
  document.addEventListener("visibilitychange", () => (document.hidden ? stream?.close() : open()), { signal });
  open();
  return close;
}
