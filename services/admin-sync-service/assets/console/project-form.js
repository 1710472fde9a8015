// The form of an integration: address, credentials, and how often it is asked. `read` gives what differs from what is
// stored, which is what is saved, and what is laid over it for a test.

import { joined, origin, split, wrongAddress } from "./address.js";
import { ApiError } from "./api.js";
import { credentials } from "./credentials.js";
import { h } from "./dom.js";
import { complain, field } from "./parts.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "form.address": "Address of the client API", "form.address.hint": "The whole address that lists the units, as the client gives it.",
    "form.address.none": "Give the whole address: https://, host and path.", "form.address.scheme": "It must begin with https:// or http://.",
    "form.address.secret": "User name and password do not belong into the address: choose “User name and password” below.",
    "form.more": "More: parts of the address, interval, timeout, retries",
    "form.base": "Base URL", "form.base.hint": "At most 500 characters. Cut from the address by itself.",
    "form.endpoint": "Endpoint", "form.endpoint.hint": "At most 255 characters. Base and endpoint together are what is asked.",
    "form.interval": "Ask every … seconds", "form.interval.hint": "1 to 300; empty: 30. Only while somebody watches.",
    "form.timeout": "Timeout in seconds", "form.timeout.hint": "1 to 60; empty: 10.",
    "form.retries": "Retries", "form.retries.hint": "0 to 10 more attempts; empty: 3.",
    "form.method": "Update method", "form.method.hint": "“polling” is what there is. Whatever else is stored is polled all the same.",
    "form.number": "A whole number from {least} to {most}.", "form.long": "At most {most} characters.",
  },
  pt: {
    "form.address": "Endereço da API do cliente", "form.address.hint": "O endereço completo que lista as unidades, como o cliente o informa.",
    "form.address.none": "Informe o endereço completo: https://, servidor e caminho.", "form.address.scheme": "Precisa começar com https:// ou http://.",
    "form.address.secret": "Usuário e senha não pertencem ao endereço: escolha “Usuário e senha” abaixo.",
    "form.more": "Mais: partes do endereço, intervalo, tempo limite, tentativas",
    "form.base": "URL base", "form.base.hint": "No máximo 500 caracteres. Separada do endereço automaticamente.",
    "form.endpoint": "Caminho", "form.endpoint.hint": "No máximo 255 caracteres. Base e caminho juntos são o que se consulta.",
    "form.interval": "Consultar a cada … segundos", "form.interval.hint": "1 a 300; vazio: 30. Só enquanto alguém assiste.",
    "form.timeout": "Tempo limite em segundos", "form.timeout.hint": "1 a 60; vazio: 10.",
    "form.retries": "Novas tentativas", "form.retries.hint": "0 a 10 tentativas a mais; vazio: 3.",
    "form.method": "Método de atualização", "form.method.hint": "“polling” é o que existe. O que mais estiver guardado é consultado do mesmo modo.",
    "form.number": "Um número inteiro de {least} a {most}.", "form.long": "No máximo {most} caracteres.",
  },
});

const NUMBERS = [
  { name: "polling_interval_seconds", key: "interval", least: 1, most: 300, otherwise: 30 },
  { name: "timeout_seconds", key: "timeout", least: 1, most: 60, otherwise: 10 },
  { name: "retry_count", key: "retries", least: 0, most: 10, otherwise: 3 },
];

/** What a project without an integration has. */
export const NOTHING = { api_base_url: "", status_endpoint: "", auth_type: "none", has_credentials: false, update_method: "polling" };

/** `elements` to show, `address` input, `read()`, `wrong()`, `blame(form, error)`, `dirty()`. See `credentials` for the rest. */
export function integrationFields(stored, { changed = () => {}, remove, preset } = {}) {
  const text = (name, max) => h("input", { name, maxlength: String(max), value: stored[name] ?? "", spellcheck: "false", autocapitalize: "none", autocomplete: "off" });
  const address = h("input", { name: "address", type: "url", inputmode: "url", value: joined(stored), autocomplete: "off", spellcheck: "false", maxlength: "755", placeholder: "https://api.example.com/v1/garden-court/units" });
  const base = text("api_base_url", 500);
  const endpoint = text("status_endpoint", 255);
  const numbers = NUMBERS.map(numberField);
  const methods = [...new Set(["polling", stored.update_method ?? "polling"])];
  const method = h("select", { name: "update_method" }, methods.map((name) => h("option", { value: name, selected: name === (stored.update_method ?? "polling") }, name)));
  const part = credentials(stored, { changed, remove, preset });

  function moved() {
    const before = origin(stored.api_base_url ?? "");
    part.look(before !== null && origin(address.value) !== before);
    changed();
  }
  address.addEventListener("input", () => {
    const parts = split(address.value, stored.api_base_url ?? "");
    base.value = parts.api_base_url;
    endpoint.value = parts.status_endpoint;
    moved();
  });
  for (const input of [base, endpoint])
    input.addEventListener("input", () => {
      address.value = joined({ api_base_url: base.value, status_endpoint: endpoint.value });
      moved();
    });
  for (const { input } of numbers) input.addEventListener("input", changed);
  method.addEventListener("change", changed);

  function read() {
    const told = { ...part.read() };
    const bare = (value) => value.trim().replace(/\/+$/, "");
    if (bare(base.value) !== bare(stored.api_base_url ?? "")) told.api_base_url = base.value.trim();
    if (endpoint.value.trim() !== (stored.status_endpoint ?? "")) told.status_endpoint = endpoint.value.trim();
    for (const { name, input, otherwise } of numbers) {
      const value = input.value === "" ? otherwise : Number(input.value);
      if (value !== (stored[name] ?? otherwise)) told[name] = value;
    }
    if (method.value !== (stored.update_method ?? "polling")) told.update_method = method.value;
    return told;
  }

  function wrong() {
    const complaints = new Map(part.wrong());
    const reason = wrongAddress(address.value);
    if (reason) complaints.set("address", t(reason));
    for (const [input, most] of [[base, 500], [endpoint, 255]])
      if (input.value.trim().length > most) complaints.set(input.name, t("form.long", { most }));
    for (const { name, input, least, most } of numbers) {
      const value = Number(input.value);
      if (!input.validity.valid || !Number.isInteger(value) || (input.value !== "" && (value < least || value > most)))
        complaints.set(name, t("form.number", { least, most }));
    }
    return complaints;
  }

  function numberField({ name, key, least, most, otherwise }) {
    const shown = stored[name] === undefined || stored[name] === null || stored[name] === otherwise ? "" : stored[name];
    const input = h("input", { name, type: "number", min: least, max: most, step: "1", inputmode: "numeric", placeholder: String(otherwise), value: String(shown) });
    return { name, input, least, most, otherwise, element: field(t(`form.${key}`), input, { hint: t(`form.${key}.hint`) }) };
  }

  const untouched = JSON.stringify(read());
  return {
    address,
    read,
    wrong,
    ask: part.ask,
    dirty: () => JSON.stringify(read()) !== untouched,
    blame: (form, error) => complain(form, renamed(error, part)),
    elements: [
      field(t("form.address"), address, { hint: t("form.address.hint") }),
      part.elements,
      h(
        "details",
        { class: "fold" },
        h("summary", {}, t("form.more")),
        h(
          "div",
          { class: "stack" },
          field(t("form.base"), base, { hint: t("form.base.hint") }),
          field(t("form.endpoint"), endpoint, { hint: t("form.endpoint.hint") }),
          h("div", { class: "row is-top" }, numbers.map(({ element }) => element)),
          field(t("form.method"), method, { hint: t("form.method.hint") }),
        ),
      ),
    ],
  };
}

/** Complaints of our own, in the shape of those of the service. */
export function complaints(found) {
  return new ApiError(422, { errors: [...found].map(([field, detail]) => ({ field, detail })) });
}

/** The service names members of credentials by their path; a complaint about all of them opens the fields. */
function renamed(error, part) {
  if (!(error instanceof ApiError) || !error.fields.size) return error;
  const fields = [...error.fields].map(([name, detail]) => [name.replace(/^auth_credentials\./, ""), detail]);
  if (fields.some(([name]) => name === "auth_credentials")) part.ask();
  return complaints(fields);
}
