// The viewer page: connects the stream to the board, the legend, the list of changes and the line
// that says how fresh all of it is. Each of them lives in a module of its own.

import { Board } from "./board.js";
import { Connection } from "./connection.js";
import { keepTabStop, moveByKeys } from "./keyboard.js";
import { Latest } from "./latest.js";
import { Legend } from "./legend.js";
import { StatusStream } from "./stream.js";
import { say, titleOf, translate } from "./words.js";

const element = (id) => document.getElementById(id);
const slug = location.pathname.split("/").filter(Boolean).at(-1);
const sections = element("sections");

translate(document);
element("title").textContent = titleOf(slug);
document.title = `${titleOf(slug)} · Farol`;

const connection = new Connection();
const latest = new Latest();
const board = new Board(sections, (changes, first) => {
  legend.count(changes);
  if (!first) latest.tell(changes);
  showEmptiness();
  keepTabStop(sections);
});
const legend = new Legend((chosen) => {
  board.filter(chosen);
  keepTabStop(sections);
});
moveByKeys(sections);

const stream = new StatusStream(slug, {
  snapshot: (statuses) => board.replace(statuses),
  changes: (updates, removed) => board.change(updates, removed),
  freshness: (told) => connection.freshness(told),
  connection: (phase, retryAt) => connection.phase(phase, retryAt),
  ended: (reason) => showEnding(reason),
});
stream.open();

// A page kept for the Back button must not hold a stream; when it is shown again, it resumes.
addEventListener("pagehide", () => stream.close());
addEventListener("pageshow", (event) => {
  if (event.persisted) stream.open();
});

function showEmptiness() {
  const empty = element("board-empty");
  empty.hidden = board.size > 0;
  empty.textContent = `${say("noUnits")}. ${say("noUnitsWhy")}`;
}

function showEnding(reason) {
  if (reason === "not_found") element("title").textContent = "Farol"; // not a name: nobody has it
  const ending = element(reason === "not_found" ? "not-found" : "inactive").content.cloneNode(true);
  translate(ending);
  connection.ended();
  element("main").replaceChildren(ending);
  document.querySelector(".skip").remove();
  // Where the eye is led, the screen reader is led too.
  document.querySelector(".ending h2").focus();
}
