// The page of a project: how it is now, how its client API is asked, what that answers, what its words mean, who changed
// it. Each card is a module of its own; they share a desk.

import { ApiError, get } from "./api.js";
import { now } from "./clock.js";
import { fill, h, put } from "./dom.js";
import { auditCard } from "./audit.js";
import { outdated } from "./parts.js";
import { apiCard } from "./project-api.js";
import { Desk } from "./project-desk.js";
import { factsCard } from "./project-facts.js";
import { liveCard } from "./project-live.js";
import { trialCard } from "./project-trial.js";
import { wordCards } from "./project-words.js";
import { every } from "./watch.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "project.back": "All projects", "project.viewer": "Open the viewer", "project.noviewer": "PUBLIC_URL is not set, so there is no link to the viewer.",
    "project.missing": "There is no such project.",
  },
  pt: {
    "project.back": "Todos os projetos", "project.viewer": "Abrir a página pública", "project.noviewer": "PUBLIC_URL não está definida, por isso não há link para a página pública.",
    "project.missing": "Este projeto não existe.",
  },
});

const LOOK_MS = 5000;

export async function show(place, page) {
  const path = `/api/projects/${page.params.slug}`;
  const read = await stored(path, page.signal);
  if (!read) return fill(place, trail(), h("section", { class: "ending" }, h("h1", {}, t("project.missing")), h("p", {}, h("code", {}, page.params.slug))));
  const [project, integration] = read;
  const desk = new Desk(page, project, integration);
  const title = h("h1", { class: "long" });
  desk.listen(() => (title.textContent = desk.project.name));
  const facts = factsCard(desk);
  const api = apiCard(desk);
  const cards = wordCards(desk);
  const audit = auditCard(desk.slug);
  const away = h("div", {});
  fill(
    place,
    trail(),
    h("div", { class: "head" }, title, h("code", { class: "long" }, desk.slug), viewer(desk)),
    away,
    h(
      "div",
      { class: "stack" },
      liveCard(desk),
      h("div", { class: "project-cards" }, api.element, h("div", { class: "stack results", id: "results" }, cards.open, trialCard(desk)), facts.element),
      cards.words,
      audit.element,
    ),
  );
  page.guard(() => api.dirty() || facts.dirty());
  desk.listen((what) => what !== "project" && what !== "all" && audit.look());
  if (page.query.has("test")) arrive(page, api);
  every(LOOK_MS, () => Promise.all([desk.look(), audit.look()]), page.signal, (...failure) => put(away, outdated(...failure)), { since: now() });
  return undefined;
}

const trail = () => h("nav", { class: "trail" }, h("a", { href: "/console/projects" }, `← ${t("project.back")}`));

/** The project and its integration; null where there is none of this name. */
async function stored(path, signal) {
  try {
    return await Promise.all([get(path, { signal }), get(`${path}/integration`, { signal })]);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

/** Who has just connected it wants to see at once what it answers; who comes back later does not. */
function arrive(page, api) {
  page.here(location.pathname, true);
  api.test();
}

function viewer(desk) {
  const { viewer_url: base } = desk.session;
  if (!base) return h("p", { class: "quiet" }, t("project.noviewer"));
  const link = h("a", { class: "strong", id: "open-viewer", href: `${base.replace(/\/+$/, "")}/viewer/${desk.slug}`, target: "_blank", rel: "noopener" }, t("project.viewer"));
  return h("div", { class: "actions" }, link);
}
