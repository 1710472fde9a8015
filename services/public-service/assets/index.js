// The list of projects: one card each, with a bar of its statuses from one GET per project.

import { STATUSES, knownStatus } from "./units.js";
import { say, translate } from "./words.js";

/** Each GET may make the service ask a client API: never many at once. */
const QUESTIONS_AT_ONCE = 4;

translate(document);
await show();

async function show() {
  const message = document.getElementById("message");
  const projects = await listProjects();
  message.hidden = Boolean(projects?.length);
  message.textContent = say(projects ? "noProjects" : "listFailed");
  const waiting = (projects ?? []).map(addCard);
  const worker = async () => {
    for (let fill = waiting.shift(); fill; fill = waiting.shift()) await fill();
  };
  await Promise.all(Array.from({ length: QUESTIONS_AT_ONCE }, worker));
}

async function listProjects() {
  try {
    const response = await fetch("/viewer-index.json");
    return response.ok ? (await response.json()).projects : null;
  } catch {
    return null;
  }
}

/** @returns {() => Promise<void>} fetches the figures of the card */
function addCard({ slug, name }) {
  const card = document.getElementById("card").content.cloneNode(true);
  const share = card.querySelector(".share");
  const counts = card.querySelector(".card-counts");
  card.querySelector("a").href = `/viewer/${encodeURIComponent(slug)}`;
  card.querySelector(".card-name").textContent = name;
  document.getElementById("cards").append(card);
  return () => fill(slug, share, counts);
}

async function fill(slug, share, text) {
  try {
    const response = await fetch(`/api/public/${encodeURIComponent(slug)}/status`);
    if (!response.ok) return;
    const { statuses, state } = await response.json();
    const counts = new Map(STATUSES.map((status) => [status, 0]));
    for (const word of Object.values(statuses)) {
      counts.set(knownStatus(word), counts.get(knownStatus(word)) + 1);
    }
    const total = Object.keys(statuses).length;
    text.textContent = total ? say("availableOf", { n: counts.get("available"), total }) : say("noUnits");
    if (state !== "live") text.textContent += ` · ${say(state)}`;
    for (const [status, count] of counts) {
      const part = share.appendChild(document.createElement("span"));
      part.className = `is-${status}`;
      part.style.flexGrow = String(count);
    }
  } catch {
    // The card is a link without figures then; the viewer itself says what is wrong.
  }
}
