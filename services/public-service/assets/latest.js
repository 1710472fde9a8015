// Tells people what just changed: a short list with times, and a screen reader's announcement that
// is gathered for a while, because a board of thousands can change faster than speech.

import { say, sayTime } from "./words.js";

const LIST_LENGTH = 30;
/** One delta of hundreds must not push out everything else. */
const LINES_PER_DELTA = 10;
const ANNOUNCE_EVERY_MS = 10_000;
const NAMED_ONE_BY_ONE = 3;

export class Latest {
  #list = document.getElementById("latest");
  #none = document.getElementById("latest-none");
  #announcer = document.getElementById("announcer");
  /** The newest status of each unit that was not announced yet. */
  #unspoken = new Map();
  #timer = 0;

  /** @param {import("./board.js").Change[]} changes */
  tell(changes) {
    if (changes.length === 0) return;
    const lines = changes.slice(0, LINES_PER_DELTA).map(changeLine);
    const more = changes.length - lines.length;
    if (more > 0) lines.push(line("latest-more", say("latestMore", { n: more })));
    this.#list.prepend(...lines);
    while (this.#list.children.length > LIST_LENGTH) this.#list.lastChild.remove();
    this.#none.hidden = true;
    for (const { ref, to } of changes) this.#unspoken.set(ref, to);
    // The first one is spoken soon, what follows waits for its turn.
    this.#timer ||= setTimeout(() => this.#announce(), 500);
  }

  #announce() {
    if (this.#unspoken.size === 0) {
      this.#timer = 0;
      return;
    }
    this.#announcer.textContent = spoken(this.#unspoken);
    this.#unspoken.clear();
    this.#timer = setTimeout(() => this.#announce(), ANNOUNCE_EVERY_MS);
  }
}

const nameOf = (status) => (status === null ? say("removed") : say(status));

function spoken(changes) {
  if (changes.size <= NAMED_ONE_BY_ONE) {
    return [...changes].map(([ref, status]) => say("changed", { ref, status: nameOf(status) })).join(". ");
  }
  const counts = new Map();
  for (const status of changes.values()) counts.set(status, (counts.get(status) ?? 0) + 1);
  const list = [...counts].map(([status, n]) => say("countOf", { n, status: nameOf(status) })).join(", ");
  return say("manyChanged", { n: changes.size, list });
}

function changeLine({ ref, from, to }) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  const name = document.createElement("b");
  const now = Date.now();
  time.dateTime = new Date(now).toISOString();
  time.textContent = sayTime(now);
  name.textContent = ref;
  const before = from ? badge(from, "unseen") : say("appeared");
  const after = to ? badge(to) : say("removed");
  // The spaces are for ears and copies; the eye gets its gaps from the style.
  item.append(time, " ", name, " ", before, " → ", after);
  return item;
}

/** A status as shape and word; what was before is a word for ears only, which keeps lines short. */
function badge(status, wordClass = "") {
  const badge = document.createElement("span");
  const sign = badge.appendChild(document.createElement("span"));
  const word = badge.appendChild(document.createElement("span"));
  badge.className = "badge";
  sign.className = `sign is-${status}`;
  word.className = wordClass;
  word.textContent = say(status);
  return badge;
}

function line(className, words) {
  const item = document.createElement("li");
  item.className = className;
  item.textContent = words;
  return item;
}
