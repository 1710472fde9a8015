// Name and description of a project, and whether viewers may see it.

import { fill, h } from "./dom.js";
import { when } from "./format.js";
import { busy, button, complain, confirmed, explain, field, notice, tell } from "./parts.js";
import { complaints } from "./project-form.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "facts.title": "Name and publication", "facts.name": "Name", "facts.description": "Description", "facts.save": "Save", "facts.saved": "Saved.",
    "facts.made": "Made", "facts.changed": "Changed", "facts.needed": "A project needs a name.",
    "facts.off": "Deactivate", "facts.on": "Activate", "facts.off.ask": "Deactivate “{name}”?",
    "facts.off.why": "Viewers that are open end at once and say that the project is no longer published; its address answers 404. Nothing is deleted, and the client API is no longer asked.",
    "facts.off.done": "The project is inactive.", "facts.on.done": "The project is active: viewers can open it.",
    "facts.state.on": "Active: whoever has the address sees its units.", "facts.state.off": "Inactive: viewers read that it is no longer published.",
  },
  pt: {
    "facts.title": "Nome e publicação", "facts.name": "Nome", "facts.description": "Descrição", "facts.save": "Salvar", "facts.saved": "Salvo.",
    "facts.made": "Criado", "facts.changed": "Mudado", "facts.needed": "Um projeto precisa de um nome.",
    "facts.off": "Desativar", "facts.on": "Ativar", "facts.off.ask": "Desativar “{name}”?",
    "facts.off.why": "As páginas públicas abertas terminam na hora e dizem que o projeto não está mais publicado; o endereço responde 404. Nada é apagado, e a API do cliente não é mais consultada.",
    "facts.off.done": "O projeto está inativo.", "facts.on.done": "O projeto está ativo: os visitantes podem abri-lo.",
    "facts.state.on": "Ativo: quem tem o endereço vê as unidades.", "facts.state.off": "Inativo: os visitantes leem que ele não está mais publicado.",
  },
});

/** `element`, and `dirty()`. */
export function factsCard(desk) {
  const name = h("input", { name: "name", maxlength: "255", autocomplete: "off", value: desk.project.name });
  const description = h("textarea", { name: "description", rows: "3", maxlength: "2000" });
  description.value = desk.project.description ?? "";
  const said = h("div", {});
  const save = h("button", { class: "plain", id: "save-facts" }, t("facts.save"));
  const state = h("p", {});
  const times = h("p", { class: "quiet" });
  const toggle = button("", turn, { id: "toggle-active" });
  const form = h("form", { class: "stack", novalidate: true }, field(t("facts.name"), name), field(t("facts.description"), description), said, h("div", { class: "actions" }, save));

  const changed = () => ({
    ...(name.value.trim() === desk.project.name ? {} : { name: name.value.trim() }),
    ...(description.value === (desk.project.description ?? "") ? {} : { description: description.value || null }),
  });
  async function store() {
    if (!name.value.trim()) return void complain(form, complaints([["name", t("facts.needed")]]));
    complain(form, null);
    try {
      await desk.change(changed());
      tell(said, "good", t("facts.saved"));
    } catch (error) {
      const rest = complain(form, error);
      fill(said, rest ? notice("bad", rest) : null);
    }
  }
  async function turn() {
    const isActive = desk.project.is_active;
    if (isActive && !(await confirmed(t("facts.off.ask", { name: desk.project.name }), t("facts.off.why"), t("facts.off")))) return;
    try {
      await desk.change({ is_active: !isActive });
      tell(said, "good", t(isActive ? "facts.off.done" : "facts.on.done"));
    } catch (error) {
      fill(said, notice("bad", explain(error)));
    }
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(save, store);
  });
  desk.listen(() => {
    const { is_active: isActive, created_at: made, updated_at: last } = desk.project;
    state.textContent = t(isActive ? "facts.state.on" : "facts.state.off");
    toggle.textContent = t(isActive ? "facts.off" : "facts.on");
    toggle.className = isActive ? "danger" : "strong";
    times.textContent = [made && `${t("facts.made")}: ${when(made)}`, last && `${t("facts.changed")}: ${when(last)}`].filter(Boolean).join(" · ");
  });
  return {
    element: h("section", { class: "card stack", id: "facts", "aria-labelledby": "facts-title" }, h("h2", { id: "facts-title" }, t("facts.title")), form, state, h("div", { class: "actions" }, toggle), times),
    dirty: () => Object.keys(changed()).length > 0,
  };
}
