#!/usr/bin/env node
// Follows the statuses of a project and prints one line per change. Node 18.3 or newer, nothing to install.
//
//     node follow.mjs [SLUG [BASE]] [--until N]
//
// What goes over the wire is in docs/API.md, "Stream".

import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

// The server speaks every 30 s (PING_SECONDS); three times that without a word is a dead connection.
const SILENCE_MS = 95_000;
const [SHORTEST_PAUSE_MS, FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [2_000, 4_000, 30_000];

/** No stream, for a reason that may pass; `retryMs` is how long the server asks to wait. */
class Lost extends Error {
  constructor(why, retryMs = 0) {
    super(why);
    this.retryMs = retryMs;
  }
}

/** Nothing will follow. */
class Ended extends Error {}

/** A line ends with CR LF, LF or CR. A chunk ends anywhere: inside a character, between CR and LF. */
async function* lines(chunks) {
  const decoder = new TextDecoder();
  let rest = "";
  let afterCr = false;
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    if (!text) continue;
    const parts = (afterCr && text[0] === "\n" ? text.slice(1) : text).split(/\r\n|\r|\n/);
    afterCr = text.endsWith("\r");
    parts[0] = rest + parts[0];
    rest = parts.pop();
    yield* parts;
  }
}

/** An empty line ends an event. What is cut off before that line never was: it comes again. */
async function* events(chunks, id) {
  let [name, data, retryMs] = ["", [], 0];
  for await (const line of lines(chunks)) {
    const [, field, value] = /^([^:]*)(?:: ?)?(.*)$/su.exec(line); // a comment is a field without a name
    if (field === "event") name = value;
    else if (field === "data") data.push(value);
    else if (field === "id" && !value.includes("\0")) id = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) retryMs = Number(value);
    else if (line === "") {
      if (data.length > 0) yield { name: name || "message", data: data.join("\n"), id, retryMs };
      [name, data] = ["", []];
    }
  }
}

/** The events of one connection, which always ends: with `Lost` or `Ended`. */
async function* stream(address, lastId) {
  const connection = new AbortController();
  const silence = setTimeout(() => connection.abort(new Error("not a word for too long")), SILENCE_MS);
  const heard = async function* (body) {
    for await (const chunk of body) {
      silence.refresh();
      yield chunk;
    }
  };
  try {
    const headers = { Accept: "text/event-stream", ...(lastId && { "Last-Event-ID": lastId }) };
    const answer = await fetch(address, { headers, signal: connection.signal });
    if (answer.status === 404) throw new Ended(`no such project: ${address} answers 404`);
    if (!answer.ok) throw new Lost(`HTTP ${answer.status}`, 1000 * (parseInt(answer.headers.get("retry-after")) || 0));
    const type = answer.headers.get("content-type");
    if (!type?.startsWith("text/event-stream")) throw new Lost(`no event stream but ${type}`);
    yield* events(heard(answer.body), lastId);
  } catch (error) {
    if (error instanceof Lost || error instanceof Ended) throw error;
    throw new Lost(error.cause?.message || error.cause?.code || error.message);
  } finally {
    clearTimeout(silence);
    connection.abort();
  }
  throw new Lost("the stream ended");
}

/** What is known of the project. It outlives connections. */
class Board {
  units = null;
  state = null;
  changes = 0;

  take(name, data) {
    if (name === "status_update") this.#replace(data.statuses); // the whole: what it does not name is gone
    else if (name === "bulk_update") this.#change(data.updates, data.removed ?? []); // the rest stays
    if (data.state !== undefined && data.state !== this.state) {
      this.state = data.state;
      console.log(`state: ${this.state}, as of ${data.as_of ?? "never"}`);
    }
  }

  #replace(statuses) {
    const units = new Map(Object.entries(statuses));
    if (this.units) this.#change(statuses, [...this.units.keys()].filter((unit) => !units.has(unit)));
    else this.units = units;
    const counts = {};
    for (const status of units.values()) counts[status] = (counts[status] ?? 0) + 1;
    const told = Object.keys(counts).sort().map((status) => `, ${counts[status]} ${status}`);
    console.log(`${units.size} units${told.join("")}`);
  }

  #change(updates, removed) {
    for (const [unit, status] of [...Object.entries(updates), ...removed.map((unit) => [unit, undefined])]) {
      const before = this.units.get(unit);
      if (status) this.units.set(unit, status);
      else this.units.delete(unit);
      if (status === before) continue;
      this.changes += 1;
      console.log(`${unit}: ${before ?? "new"} -> ${status ?? "gone"}`);
    }
  }
}

async function follow(address, board, until) {
  let lastId = "";
  let failures = 0;
  for (;;) {
    let retryMs = 0;
    let why;
    try {
      for await (const event of stream(address, lastId)) {
        const data = JSON.parse(event.data);
        retryMs = event.retryMs;
        if (event.name === "connected") {
          failures = 0;
          console.error("connected");
        } else if (event.name === "closed" && data.reason !== "draining") {
          throw new Ended(`the server ended the stream for good: ${data.reason}`);
        } else board.take(event.name, data);
        lastId = event.id; // only now: what was not taken has to come again
        if (until && board.changes >= until) return console.log(JSON.stringify(Object.fromEntries([...board.units].sort())));
      }
    } catch (error) {
      if (error instanceof Lost) [why, retryMs] = [error.message, error.retryMs || retryMs];
      else if (error instanceof SyntaxError) [why, lastId] = ["a frame that cannot be read may have been a change: the whole again", ""];
      else throw error;
    }
    // Whatever many clients do at once is spread: a server that comes back must not be trampled.
    const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++);
    const pauseMs = Math.max(retryMs, SHORTEST_PAUSE_MS + Math.random() * (ceiling - SHORTEST_PAUSE_MS));
    console.error(`${why}; again in ${(pauseMs / 1000).toFixed(1)} s`);
    await sleep(pauseMs);
  }
}

function fail(code, message) {
  console.error(message);
  process.exit(code);
}

function options() {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { until: { type: "string", default: "0" } } });
    const [slug = "harbour-tower", base = process.env.PUBLIC_URL ?? "http://127.0.0.1:8080"] = positionals;
    if (positionals.length > 2 || !/^\d+$/.test(values.until)) throw new Error("node follow.mjs [SLUG [BASE]] [--until N]");
    const address = `${base.replace(/\/$/, "")}/api/public/${encodeURIComponent(slug)}/status/stream`;
    if (!/^https?:$/.test(new URL(address).protocol)) throw new Error(`${base} is no http:// or https:// address`);
    return { address, until: Number(values.until) };
  } catch (error) {
    return fail(2, error.message);
  }
}

process.on("SIGINT", () => process.exit(0));
process.stdout.on("error", () => process.exit(0)); // nobody reads on, as behind `| head`
const { address, until } = options();
await follow(address, new Board(), until).catch((error) => {
  if (error instanceof Ended) fail(1, error.message);
  throw error;
});
