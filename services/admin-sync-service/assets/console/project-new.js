// A new project, connected in one go: address, credentials and a name that is proposed by the address. One press makes the
// project, stores the integration and shows on the project's page what the client API answers.

import { isSlug, nameOf, slugOf } from "./address.js";
import { ApiError, post, put } from "./api.js";
import { fill, h } from "./dom.js";
import { busy, complain, field, notice } from "./parts.js";
import { NOTHING, complaints, integrationFields } from "./project-form.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "new.title": "New project", "new.back": "All projects", "new.name": "Name", "new.name.hint": "As viewers see it. Proposed by the address.",
    "new.slug": "Short name in addresses (slug)", "new.slug.hint": "2 to 100 of a–z, 0–9 and -, a letter first. It cannot be changed later.",
    "new.description": "Description", "new.description.hint": "Optional.", "new.save": "Save and test",
    "new.save.hint": "Makes the project, stores this, and asks the client API once.", "new.name.needed": "A project needs a name.",
    "new.slug.wrong": "This cannot be a short name.",
    "new.slug.taken": "There is a project with this short name already. Choose another.",
    "new.only": "Create without an API",
    "new.made": "The project is made. What follows could not be stored yet: mend it and press again.",
  },
  pt: {
    "new.title": "Novo projeto", "new.back": "Todos os projetos", "new.name": "Nome", "new.name.hint": "Como os visitantes o veem. Sugerido pelo endereço.",
    "new.slug": "Nome curto nos endereços (slug)", "new.slug.hint": "2 a 100 caracteres de a–z, 0–9 e -, começando por letra. Não pode ser mudado depois.",
    "new.description": "Descrição", "new.description.hint": "Opcional.", "new.save": "Salvar e testar",
    "new.save.hint": "Cria o projeto, guarda isto e consulta a API do cliente uma vez.", "new.name.needed": "Um projeto precisa de um nome.",
    "new.slug.wrong": "Isto não pode ser um nome curto.",
    "new.slug.taken": "Já existe um projeto com este nome curto. Escolha outro.",
    "new.only": "Criar sem API",
    "new.made": "O projeto foi criado. O que segue ainda não pôde ser guardado: corrija e pressione de novo.",
  },
});

export function showNew(place, page) {
  const name = h("input", { name: "name", maxlength: "255", autocomplete: "off" });
  const slug = h("input", { name: "slug", maxlength: "100", autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  const description = h("textarea", { name: "description", rows: "2", maxlength: "2000" });
  const fields = integrationFields(NOTHING, { changed: propose, preset: "api_key" });
  const said = h("div", {});
  const save = h("button", { class: "strong", id: "save-and-test" }, t("new.save"));
  const only = h("button", { class: "plain", type: "button", id: "create-only" }, t("new.only"));
  const form = h(
    "form",
    { class: "card stack new-project", novalidate: true },
    fields.elements.slice(0, 2),
    h("div", { class: "row is-top" }, field(t("new.name"), name, { hint: t("new.name.hint") }), field(t("new.slug"), slug, { hint: t("new.slug.hint") })),
    field(t("new.description"), description, { hint: t("new.description.hint") }),
    fields.elements.slice(2),
    said,
    h("div", { class: "actions" }, save, only),
    h("p", { class: "quiet" }, t("new.save.hint")),
  );
  const typed = { name: false, slug: false };
  let made = null;
  let left = false;

  /** What nobody has typed follows from what somebody has. */
  function propose() {
    if (!typed.name) name.value = nameOf(fields.address.value);
    if (!typed.slug && !made) slug.value = slugOf(name.value);
    // Whoever has typed an address means to connect it.
    only.hidden = fields.address.value !== "";
  }
  name.addEventListener("input", () => {
    typed.name = name.value !== "";
    if (!typed.slug && !made) slug.value = slugOf(name.value);
  });
  slug.addEventListener("input", () => (typed.slug = slug.value !== ""));

  async function make() {
    if (made) return;
    const body = { slug: slug.value.trim(), name: name.value.trim() };
    if (description.value.trim()) body.description = description.value.trim();
    made = await post("/api/projects", body);
    slug.disabled = true;
  }

  async function attempt(connect) {
    const found = wrong(connect);
    fill(said);
    if (found.size) return void fields.blame(form, complaints(found));
    try {
      await make();
      if (connect) await put(`/api/projects/${made.slug}/integration`, fields.read());
      left = true;
      await page.go(`/console/projects/${made.slug}${connect ? "?test" : ""}`);
    } catch (error) {
      tell(error);
    }
  }

  function tell(error) {
    const taken = error instanceof ApiError && error.code === "slug_taken";
    const rest = taken ? complain(form, complaints([["slug", t("new.slug.taken")]])) : fields.blame(form, error);
    fill(said, made ? notice("warn", t("new.made")) : null, rest ? notice("bad", rest) : null);
  }

  function wrong(connect) {
    const found = connect ? fields.wrong() : new Map();
    if (!name.value.trim()) found.set("name", t("new.name.needed"));
    if (!isSlug(slug.value.trim())) found.set("slug", t("new.slug.wrong"));
    return found;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(save, () => attempt(true));
  });
  only.addEventListener("click", () => busy(only, () => attempt(false)));
  page.guard(() => !left && (fields.dirty() || [name, slug, description].some((input) => input.value !== "")));
  fill(place, h("nav", { class: "trail" }, h("a", { href: "/console/projects" }, `← ${t("new.back")}`)), h("div", { class: "head" }, h("h1", {}, t("new.title"))), form);
  fields.address.focus();
}
