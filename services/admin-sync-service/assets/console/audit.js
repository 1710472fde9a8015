// Who changed what, and when: of one project or of everything.

import { get } from "./api.js";
import { fill, h, refresh } from "./dom.js";
import { ago, when } from "./format.js";
import { button, explain, notice } from "./parts.js";
import { learn, t, tOr, within } from "./words.js";

learn({
  en: {
    "audit.title": "Last changes", "audit.none": "Nobody has changed anything here yet.", "audit.more": "Older ones",
    "audit.project_created": "made the project", "audit.project_changed": "changed the project", "audit.project_deactivated": "made the project inactive",
    "audit.project_activated": "made the project active", "audit.integration_changed": "changed the integration", "audit.integration_created": "connected a client API",
    "audit.credentials_removed": "removed the credentials", "audit.credentials_cleared": "removed the credentials", "audit.integration_tested": "tested the client API",
    "audit.dead_letters_requeue": "put dead letters back", "audit.dead_letters_drop": "dropped dead letters",
    "audit.yes": "yes", "audit.no": "no", "audit.detail.is_active": "active", "audit.detail.credentials": "credentials", "audit.detail.origin": "at", "audit.detail.success": "success",
    "audit.detail.all": "all", "audit.detail.messages": "messages", "audit.detail.reason": "reason", "audit.detail.original_message_id": "message",
    "audit.credentials.stored": "the stored ones", "audit.credentials.given": "typed ones", "audit.credentials.replaced": "replaced", "audit.credentials.cleared": "removed", "audit.credentials.withheld": "not sent", "audit.credentials.none": "none",
    "audit.field.name": "name", "audit.field.description": "description", "audit.field.is_active": "publication", "audit.field.api_base_url": "base URL", "audit.field.status_endpoint": "endpoint",
    "audit.field.auth_type": "authentication", "audit.field.auth_credentials": "credentials", "audit.field.status_mapping": "words", "audit.field.unmapped_status": "all other words",
    "audit.field.update_method": "update method", "audit.field.polling_interval_seconds": "interval", "audit.field.timeout_seconds": "timeout", "audit.field.retry_count": "retries",
  },
  pt: {
    "audit.title": "Últimas mudanças", "audit.none": "Ninguém mudou nada aqui ainda.", "audit.more": "Mais antigas",
    "audit.project_created": "criou o projeto", "audit.project_changed": "mudou o projeto", "audit.project_deactivated": "desativou o projeto",
    "audit.project_activated": "ativou o projeto", "audit.integration_changed": "mudou a integração", "audit.integration_created": "conectou uma API de cliente",
    "audit.credentials_removed": "removeu as credenciais", "audit.credentials_cleared": "removeu as credenciais", "audit.integration_tested": "testou a API do cliente",
    "audit.dead_letters_requeue": "devolveu mensagens mortas à fila", "audit.dead_letters_drop": "descartou mensagens mortas",
    "audit.yes": "sim", "audit.no": "não", "audit.detail.is_active": "ativo", "audit.detail.credentials": "credenciais", "audit.detail.origin": "em", "audit.detail.success": "sucesso",
    "audit.detail.all": "todas", "audit.detail.messages": "mensagens", "audit.detail.reason": "motivo", "audit.detail.original_message_id": "mensagem",
    "audit.credentials.stored": "as guardadas", "audit.credentials.given": "digitadas", "audit.credentials.replaced": "substituídas", "audit.credentials.cleared": "removidas", "audit.credentials.withheld": "não enviadas", "audit.credentials.none": "nenhuma",
    "audit.field.name": "nome", "audit.field.description": "descrição", "audit.field.is_active": "publicação", "audit.field.api_base_url": "URL base", "audit.field.status_endpoint": "caminho",
    "audit.field.auth_type": "autenticação", "audit.field.auth_credentials": "credenciais", "audit.field.status_mapping": "palavras", "audit.field.unmapped_status": "todas as outras palavras",
    "audit.field.update_method": "método de atualização", "audit.field.polling_interval_seconds": "intervalo", "audit.field.timeout_seconds": "tempo limite", "audit.field.retry_count": "novas tentativas",
  },
});

const PAGE = 10;
/** What programs need and people do not. */
const UNTOLD = ["key", "at"];

/** The card, and `look()`, which shows what is new. `project`: a slug, or nothing for all of them. */
export function auditCard(project) {
  const list = h("ul", { class: "events" });
  const empty = h("p", { class: "quiet", hidden: true }, t("audit.none"));
  const said = h("div", {});
  const more = button(t("audit.more"), () => load(oldest), { id: "older-changes" });
  more.hidden = true;
  let events = [];
  let oldest = null;

  async function load(before) {
    try {
      const told = await get(`/api/audit?${new URLSearchParams({ ...(project ? { project } : {}), limit: PAGE, ...(before ? { before } : {}) })}`);
      // What was loaded of older ones stays; newer ones come in front of it.
      const known = new Map([...events, ...told.events].map((event) => [event.id, event]));
      if (before || !events.length) oldest = told.next_before;
      events = [...known.values()].sort((a, b) => b.id - a.id);
      fill(said);
      draw();
    } catch (error) {
      if (error.name !== "AbortError") fill(said, notice("bad", explain(error)));
    }
  }
  function draw() {
    refresh(list, h("ul", { class: "events" }, events.map((event) => line(event, !project))));
    empty.hidden = events.length > 0;
    more.hidden = !oldest;
  }
  return {
    element: h("section", { class: "card stack", id: "audit", "aria-labelledby": "audit-title" }, h("h2", { id: "audit-title" }, t("audit.title")), empty, list, said, h("div", { class: "actions" }, more)),
    look: () => load(null),
  };
}

function line(event, showProject) {
  const about = details(event.detail);
  return h(
    "li",
    { "data-key": String(event.id) },
    h("span", {}, h("strong", { class: "long" }, h("bdi", {}, event.actor)), ` ${tOr(`audit.${event.action}`, event.action.replaceAll("_", " "))} `, showProject && event.project ? h("a", { href: `/console/projects/${event.project}` }, event.project) : null),
    about ? h("span", { class: "quiet long" }, about) : null,
    h("time", { class: "quiet", datetime: event.at, title: when(event.at) }, ago(event.at)),
  );
}

/** `{"fields": ["name"], "is_active": false}` as `name · active: no`; what we do not know is shown as it is. */
function details(detail) {
  return Object.entries(detail ?? {})
    .filter(([name, value]) => value !== null && !UNTOLD.includes(name))
    .map(([name, value]) => (name === "fields" ? fields(value) : `${tOr(`audit.detail.${name}`, within(name))}: ${told(value, name)}`))
    .filter(Boolean)
    .join(" · ");
}

function fields(names) {
  return Array.isArray(names) ? names.map((name) => tOr(`audit.field.${name}`, within(String(name)))).join(", ") : told(names);
}

function told(value, name) {
  if (value === null) return "–";
  if (typeof value === "boolean") return t(value ? "audit.yes" : "audit.no");
  if (Array.isArray(value)) return value.map((item) => told(item)).join(", ");
  return typeof value === "object" ? details(value) : tOr(`audit.${name}.${value}`, within(String(value)));
}
