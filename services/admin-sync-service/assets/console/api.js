// The REST API as the pages use it. The cookie goes along by itself; the header says that it is us who ask, and not a
// page of another site, and keeps the browser from showing a password dialog of its own.

import { hear } from "./clock.js";

const OURS = { "X-Requested-With": "farol-console" };
/** A service that is silent for so long is away: else what is shown would be taken for the present, and nobody would be told. */
const PATIENCE_MS = 20_000;

/** What an answer other than 2xx becomes. `fields` is what is wrong, by name of the field. */
export class ApiError extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail ?? problem.error ?? `HTTP ${status}`);
    this.status = status;
    this.code = problem.code ?? "";
    this.problem = problem;
    this.retryAfter = retryAfter;
    this.fields = new Map((problem.errors ?? []).map(({ field, detail }) => [field, detail]));
  }
}

/** Nothing came back at all, or not in time. */
export class Unreachable extends Error {}

/**
 * Who shows what it takes to sign in again; `main.js` puts it here. `signedOut(acts)`: a session has ended, `acts` where somebody wanted
 * something done; `answered()`: it has not.
 */
export const door = { signedOut: () => {}, answered: () => {} };

export const get = (path, options) => ask("GET", path, undefined, options);
export const post = (path, body, options) => ask("POST", path, body, options);
export const put = (path, body, options) => ask("PUT", path, body, options);
export const del = (path, options) => ask("DELETE", path, undefined, options);

/**
 * JSON in, JSON out; null where the answer has none. `options`: `signal`, `headers`, `stay` (a 401 is the caller's), `acts` (somebody
 * waits for it to be done).
 */
async function ask(method, path, body, { signal, headers = {}, stay = false, acts = method !== "GET" } = {}) {
  const sent = { ...OURS, ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  let answer;
  let text;
  try {
    const until = within(method, signal);
    answer = await fetch(path, { method, signal: until, headers: sent, body: body === undefined ? undefined : JSON.stringify(body) });
    text = await answer.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable(error.message);
  }
  hear(answer.headers.get("date"));
  if (answer.ok) {
    door.answered();
    const told = text ? JSON.parse(text) : null;
    // What If-Match wants, for those who edit.
    if (told && answer.headers.has("etag")) Object.defineProperty(told, "etag", { value: answer.headers.get("etag") });
    return told;
  }
  if (answer.status === 401 && !stay) door.signedOut(acts);
  throw new ApiError(answer.status, parsed(text), Number(answer.headers.get("retry-after")) || null);
}

/** An Idempotency-Key: `crypto.randomUUID` is missing where the console is not served over TLS. */
export function onceKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What only looks is given up and asked again. What acts may take its time: to try a client API, to put a thousand messages back. */
function within(method, signal) {
  if (method !== "GET") return signal;
  const late = AbortSignal.timeout(PATIENCE_MS);
  return signal ? AbortSignal.any([signal, late]) : late;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
