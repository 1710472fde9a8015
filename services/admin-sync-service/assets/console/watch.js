// Looking again and again, and following a run. Both end with the page's signal, both rest while nobody looks.

/** Calls `look` now, and `ms` after each end of it, until `signal`. A failing look goes to `failed` and is repeated. */
export function every(ms, look, signal, failed) {
  let timer = null;
  let looking = false;
  async function turn() {
    clearTimeout(timer);
    if (looking || signal.aborted) return;
    looking = true;
    try {
      await look();
      failed?.(null);
    } catch (error) {
      if (error.name !== "AbortError") failed?.(error);
    }
    looking = false;
    // Many consoles must not ask in step.
    if (!signal.aborted && !document.hidden) timer = setTimeout(turn, ms * (0.9 + Math.random() * 0.2));
  }
  document.addEventListener("visibilitychange", () => !document.hidden && turn(), { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  turn();
  return turn;
}

/**
 * Follows the run `taskId` on the gateway at `base`: `heard(type, data)` for each task event, `lost(true)` while the stream
 * is down. Ends with the run, with `signal`, or with the returned function.
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
    if (over || signal.aborted) return;
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
  open();
  return close;
}
