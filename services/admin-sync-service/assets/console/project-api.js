// The card of how a client API is asked: its form, which is saved, tested, or begun anew whenever something else is stored.

import { del } from "./api.js";
import { fill, h } from "./dom.js";
import { busy, button, confirmed, explain, notice } from "./parts.js";
import { EFFECT_SECONDS, isStale } from "./project-desk.js";
import { complaints, integrationFields } from "./project-form.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "project.api": "Client API", "project.save": "Save and test", "project.test": "Test without saving", "project.reset": "Discard changes",
    "project.saved": "Saved. Viewers have it within {n} s.", "project.same": "Nothing has changed; tested what is stored.",
    "project.stale": "Somebody else has changed this integration since you opened it.", "project.theirs": "Show theirs, discard mine", "project.mine": "Save mine over it",
    "project.remove.ask": "Remove the stored credentials?", "project.remove.why": "Unless authentication is “None”, the client API is not asked any more until new ones are given. These cannot be brought back.",
    "project.remove.yes": "Remove", "project.removed": "The credentials are removed.", "project.unsaved": "Not saved yet.",
  },
  pt: {
    "project.api": "API do cliente", "project.save": "Salvar e testar", "project.test": "Testar sem salvar", "project.reset": "Descartar mudanças",
    "project.saved": "Salvo. Os visitantes recebem em até {n} s.", "project.same": "Nada mudou; foi testado o que está guardado.",
    "project.stale": "Outra pessoa mudou esta integração desde que você a abriu.", "project.theirs": "Mostrar a dela, descartar a minha", "project.mine": "Salvar a minha por cima",
    "project.remove.ask": "Remover as credenciais guardadas?", "project.remove.why": "A menos que a autenticação seja “Nenhuma”, a API do cliente deixa de ser consultada até que novas sejam informadas. Estas não podem ser recuperadas.",
    "project.remove.yes": "Remover", "project.removed": "As credenciais foram removidas.", "project.unsaved": "Ainda não salvo.",
  },
});

/** What the form is about. */
function asked(integration) {
  const { api_base_url, status_endpoint, auth_type, has_credentials, update_method, polling_interval_seconds, timeout_seconds, retry_count } = integration;
  return JSON.stringify([api_base_url, status_endpoint, auth_type, has_credentials, update_method, polling_interval_seconds, timeout_seconds, retry_count]);
}

export function apiCard(desk) {
  const parts = drawn({ test: () => attempt((overrides) => tryOut(desk, overrides)), reset: begin });
  const { form, inputs, said, save } = parts;
  let fields = null;
  let shown = "";

  function begin() {
    shown = asked(desk.integration);
    const preset = desk.integration.created_at ? undefined : "api_key";
    fields = integrationFields(desk.integration, { changed: mark, remove: () => remove(desk, said, theirs), preset });
    fill(inputs, fields.elements);
    mark();
  }
  function mark() {
    const dirty = Boolean(fields?.dirty());
    parts.unsaved.hidden = parts.reset.hidden = !dirty;
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
      const rest = isStale(error) ? stale(said, { theirs, mine }) : fields.blame(form, error);
      if (rest) fill(said, isStale(error) ? rest : notice("bad", rest));
    }
  }
  async function store(changed) {
    if (Object.keys(changed).length) {
      await desk.save(changed);
      begin();
      fill(said, notice("good", t("project.saved", { n: EFFECT_SECONDS })));
    } else fill(said, notice("plain", t("project.same")));
    await tryOut(desk, {});
  }
  async function theirs() {
    await desk.reread();
    begin();
    fill(said);
  }
  async function mine() {
    const changed = fields.read();
    await desk.reread();
    await attempt(() => store(changed));
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(save, () => attempt(store));
  });
  begin();
  // What somebody else has stored meanwhile is shown, unless it would take what is typed.
  desk.listen((what) => what === "integration" && asked(desk.integration) !== shown && !fields.dirty() && begin());
  return {
    element: parts.element,
    dirty: () => fields.dirty(),
    test: () => busy(save, () => attempt(() => tryOut(desk, {}))),
  };
}

/** The card and its places; the fields are not in it yet. */
function drawn({ test, reset }) {
  const parts = {
    inputs: h("div", { class: "stack" }),
    said: h("div", {}),
    save: h("button", { class: "strong", id: "save-and-test" }, t("project.save")),
    reset: button(t("project.reset"), reset, { id: "discard" }),
    unsaved: h("span", { class: "quiet", hidden: true }, t("project.unsaved")),
  };
  const actions = h("div", { class: "actions" }, parts.save, button(t("project.test"), test, { id: "test-only" }), parts.reset, parts.unsaved);
  const form = h("form", { class: "stack", novalidate: true }, parts.inputs, parts.said, actions);
  const title = h("h2", { id: "client-api-title" }, t("project.api"));
  return { ...parts, form, element: h("section", { class: "card stack", id: "client-api", "aria-labelledby": "client-api-title" }, title, form) };
}

async function tryOut(desk, overrides) {
  await desk.test(overrides);
  // On a narrow screen what came of it is below the form.
  const results = document.getElementById("results");
  if (results && results.getBoundingClientRect().top > innerHeight * 0.6) results.scrollIntoView();
}

/** The stored credentials go, after a question; `reread` shows what is stored then. */
async function remove(desk, said, reread) {
  if (!(await confirmed(t("project.remove.ask"), t("project.remove.why"), t("project.remove.yes")))) return;
  await tried(said, async () => {
    await del(`${desk.path}/integration/credentials`);
    await reread();
    fill(said, notice("good", t("project.removed")));
  });
}

/** Somebody else was faster: theirs is shown, or ours is saved over it. */
function stale(said, { theirs, mine }) {
  const choice = (words, act) => button(t(words), () => tried(said, act));
  return notice("warn", h("p", {}, t("project.stale")), h("div", { class: "actions" }, choice("project.theirs", theirs), choice("project.mine", mine)));
}

/** Runs `act`, and says in `said` what went wrong. */
async function tried(said, act) {
  try {
    await act();
  } catch (error) {
    fill(said, notice("bad", explain(error)));
  }
}
