// The page of a project: how it is now, how its client API is asked, what that answers, what its words mean, who changed
// it. Each card is a module of its own; they share a desk.

import { ApiError, del, get } from "./api.js";
import { fill, h, put } from "./dom.js";
import { auditCard } from "./audit.js";
import { busy, button, confirmed, explain, notice, outdated } from "./parts.js";
import { Desk, EFFECT_SECONDS, isStale } from "./project-desk.js";
import { factsCard } from "./project-facts.js";
import { complaints, integrationFields } from "./project-form.js";
import { liveCard } from "./project-live.js";
import { trialCard } from "./project-trial.js";
import { wordCards } from "./project-words.js";
import { every } from "./watch.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "project.back": "All projects", "project.viewer": "Open the viewer", "project.noviewer": "PUBLIC_URL is not set, so there is no link to the viewer.",
    "project.api": "Client API", "project.save": "Save and test", "project.test": "Test without saving", "project.reset": "Discard changes",
    "project.saved": "Saved. Viewers have it within {n} s.", "project.same": "Nothing has changed; tested what is stored.",
    "project.stale": "Somebody else has changed this integration since you opened it.", "project.theirs": "Show theirs, discard mine", "project.mine": "Save mine over it",
    "project.remove.ask": "Remove the stored credentials?", "project.remove.why": "Unless authentication is “None”, the client API is not asked any more until new ones are given. These cannot be brought back.",
    "project.remove.yes": "Remove", "project.removed": "The credentials are removed.", "project.unsaved": "Not saved yet.", "project.missing": "There is no such project.",
  },
  pt: {
    "project.back": "Todos os projetos", "project.viewer": "Abrir a página pública", "project.noviewer": "PUBLIC_URL não está definida, por isso não há link para a página pública.",
    "project.api": "API do cliente", "project.save": "Salvar e testar", "project.test": "Testar sem salvar", "project.reset": "Descartar mudanças",
    "project.saved": "Salvo. Os visitantes recebem em até {n} s.", "project.same": "Nada mudou; foi testado o que está guardado.",
    "project.stale": "Outra pessoa mudou esta integração desde que você a abriu.", "project.theirs": "Mostrar a dela, descartar a minha", "project.mine": "Salvar a minha por cima",
    "project.remove.ask": "Remover as credenciais guardadas?", "project.remove.why": "A menos que a autenticação seja “Nenhuma”, a API do cliente deixa de ser consultada até que novas sejam informadas. Estas não podem ser recuperadas.",
    "project.remove.yes": "Remover", "project.removed": "As credenciais foram removidas.", "project.unsaved": "Ainda não salvo.", "project.missing": "Este projeto não existe.",
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
  every(LOOK_MS, () => Promise.all([desk.look(), audit.look()]), page.signal, (...failure) => put(away, outdated(...failure)));
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

/** What the form is about. */
function asked(integration) {
  const { api_base_url, status_endpoint, auth_type, has_credentials, update_method, polling_interval_seconds, timeout_seconds, retry_count } = integration;
  return JSON.stringify([api_base_url, status_endpoint, auth_type, has_credentials, update_method, polling_interval_seconds, timeout_seconds, retry_count]);
}

/** The form, which begins anew whenever something else is stored. */
function apiCard(desk) {
  const said = h("div", {});
  const unsaved = h("span", { class: "quiet", hidden: true }, t("project.unsaved"));
  const save = h("button", { class: "strong", id: "save-and-test" }, t("project.save"));
  const test = button(t("project.test"), () => attempt(tryOut), { id: "test-only" });
  const reset = button(t("project.reset"), begin, { id: "discard" });
  const inputs = h("div", { class: "stack" });
  const form = h("form", { class: "stack", novalidate: true }, inputs, said, h("div", { class: "actions" }, save, test, reset, unsaved));
  let fields = null;
  let shown = "";

  function begin() {
    shown = asked(desk.integration);
    const preset = desk.integration.created_at ? undefined : "api_key";
    fields = integrationFields(desk.integration, { changed: mark, remove: removeCredentials, preset });
    fill(inputs, fields.elements);
    mark();
  }
  function mark() {
    const dirty = Boolean(fields?.dirty());
    unsaved.hidden = reset.hidden = !dirty;
    // "Saved" is not true of what is typed now.
    if (dirty && said.querySelector(".is-good")) fill(said);
  }

  /** Runs `act` where nothing is wrong with the form, and says what went wrong. */
  async function attempt(act) {
    fill(said);
    const found = fields.wrong();
    if (found.size) return void fields.blame(form, complaints(found));
    fields.blame(form, null);
    try {
      await act(fields.read());
    } catch (error) {
      if (error.name === "AbortError") return;
      const rest = isStale(error) ? stale() : fields.blame(form, error);
      if (rest) fill(said, isStale(error) ? rest : notice("bad", rest));
    }
  }
  async function store(changed) {
    if (Object.keys(changed).length) {
      await desk.save(changed);
      begin();
      fill(said, notice("good", t("project.saved", { n: EFFECT_SECONDS })));
    } else fill(said, notice("plain", t("project.same")));
    await tryOut({});
  }
  async function tryOut(overrides) {
    await desk.test(overrides);
    // On a narrow screen what came of it is below the form.
    const results = document.getElementById("results");
    if (results && results.getBoundingClientRect().top > innerHeight * 0.6) results.scrollIntoView();
  }

  function stale() {
    const theirs = async () => {
      await desk.reread();
      begin();
      fill(said);
    };
    const mine = async () => {
      const changed = fields.read();
      await desk.reread();
      await attempt(() => store(changed));
    };
    return notice("warn", h("p", {}, t("project.stale")), h("div", { class: "actions" }, button(t("project.theirs"), () => attemptPlain(theirs)), button(t("project.mine"), () => attemptPlain(mine))));
  }
  async function attemptPlain(act) {
    try {
      await act();
    } catch (error) {
      fill(said, notice("bad", explain(error)));
    }
  }

  async function removeCredentials() {
    if (!(await confirmed(t("project.remove.ask"), t("project.remove.why"), t("project.remove.yes")))) return;
    await attemptPlain(async () => {
      await del(`${desk.path}/integration/credentials`);
      await desk.reread();
      begin();
      fill(said, notice("good", t("project.removed")));
    });
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(save, () => attempt(store));
  });
  begin();
  // What somebody else has stored meanwhile is shown, unless it would take what is typed.
  desk.listen((what) => what === "integration" && asked(desk.integration) !== shown && !fields.dirty() && begin());
  return {
    element: h("section", { class: "card stack", id: "client-api", "aria-labelledby": "client-api-title" }, h("h2", { id: "client-api-title" }, t("project.api")), form),
    dirty: () => fields.dirty(),
    test: () => busy(save, () => attempt(() => tryOut({}))),
  };
}
