// The credentials part of an integration's form. What is stored is never shown; what is typed is sent once, with the form.

import { h } from "./dom.js";
import { button, field } from "./parts.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "auth.label": "Authentication", "auth.none": "None: anybody may ask", "auth.api_key": "API key in a header",
    "auth.bearer": "Bearer token", "auth.basic": "User name and password",
    "auth.key": "API key", "auth.header": "Header of the key", "auth.header.hint": "Empty: X-API-Key",
    "auth.key.hint": "The key alone, or the whole line of the header: X-Key: abc",
    "auth.token": "Token", "auth.username": "User name", "auth.password": "Password",
    "auth.stored": "Credentials are stored. They are never shown.", "auth.whole": "What is stored is replaced as a whole: a key needs the name of its header again.", "auth.replace": "Replace", "auth.keep": "Keep the stored ones",
    "auth.remove": "Remove", "auth.unused": "Credentials are stored, but not sent while authentication is “None”.",
    "auth.moved": "The address has another host now. Give the credentials again: the stored ones are sent only where they were meant for.",
    "auth.needed": "Needed for this kind of authentication.",
  },
  pt: {
    "auth.label": "Autenticação", "auth.none": "Nenhuma: qualquer um pode consultar", "auth.api_key": "Chave de API em um cabeçalho",
    "auth.bearer": "Token bearer", "auth.basic": "Usuário e senha",
    "auth.key": "Chave de API", "auth.header": "Cabeçalho da chave", "auth.header.hint": "Vazio: X-API-Key",
    "auth.key.hint": "Só a chave, ou a linha inteira do cabeçalho: X-Key: abc",
    "auth.token": "Token", "auth.username": "Usuário", "auth.password": "Senha",
    "auth.stored": "Há credenciais guardadas. Elas nunca são mostradas.", "auth.whole": "O que está guardado é substituído por inteiro: uma chave precisa de novo do nome do cabeçalho.", "auth.replace": "Substituir", "auth.keep": "Manter as guardadas",
    "auth.remove": "Remover", "auth.unused": "Há credenciais guardadas, mas elas não são enviadas enquanto a autenticação for “Nenhuma”.",
    "auth.moved": "O endereço agora tem outro servidor. Informe as credenciais de novo: as guardadas só são enviadas para onde foram destinadas.",
    "auth.needed": "Necessário para este tipo de autenticação.",
  },
});

const KINDS = ["api_key", "bearer", "basic", "none"];
/** Members by kind; the first is needed. */
const MEMBERS = { api_key: ["api_key", "api_key_header"], bearer: ["token"], basic: ["username", "password"], none: [] };
const SECRET = ["api_key", "token", "password"];
const LABELS = { api_key: "key", api_key_header: "header", token: "token", username: "username", password: "password" };

/**
 * The part for what is `stored` (`auth_type`, `has_credentials`): `elements`, `look(moved)` after the address has changed,
 * `read()`, `wrong()` = complaints by field, `ask()` shows the fields to type into. `changed` is called at every change,
 * `remove` when the stored ones shall go; without it there is no such button. `preset` is the kind that is chosen at first.
 */
export function credentials(stored, { changed, remove, preset = stored.auth_type }) {
  let replacing = false;
  let moved = false;
  const kind = h("select", { name: "auth_type" }, choices(stored.auth_type).map((name) => h("option", { value: name }, KINDS.includes(name) ? t(`auth.${name}`) : name)));
  kind.value = preset;
  const inputs = members(changed);
  const parts = drawn(inputs, { ask, keep: () => set(false), remove });

  const usable = () => stored.has_credentials && stored.auth_type === kind.value && !moved;
  const typing = () => kind.value !== "none" && (!usable() || replacing);
  const wanted = () => (typing() ? (MEMBERS[kind.value] ?? []) : []);

  function show() {
    const { rows, said, replace, keep, gone, group } = parts;
    const why = reason();
    for (const [name, row] of Object.entries(rows)) row.hidden = !wanted().includes(name);
    said.textContent = why ? t(why) : "";
    said.hidden = !why;
    said.classList.toggle("is-moved", why === "auth.moved");
    replace.hidden = !usable() || replacing || kind.value === "none";
    keep.hidden = !usable() || !replacing;
    if (gone) gone.hidden = !stored.has_credentials || typing();
    group.hidden = !wanted().length && !why;
  }

  function reason() {
    if (!stored.has_credentials) return null;
    if (kind.value === "none") return "auth.unused";
    if (moved) return "auth.moved";
    if (!usable()) return null;
    return replacing ? "auth.whole" : "auth.stored";
  }

  function set(value) {
    replacing = value;
    if (!value) for (const input of Object.values(inputs)) input.value = "";
    show();
    changed();
    if (!value) parts.replace.focus();
  }

  function ask() {
    set(true);
    (MEMBERS[kind.value] ?? []).slice(0, 1).forEach((name) => inputs[name].focus());
  }

  kind.addEventListener("change", () => (show(), changed()));
  show();
  return {
    elements: [field(t("auth.label"), kind), parts.group],
    ask,
    look(isMoved) {
      if (moved === isMoved) return;
      moved = isMoved;
      show();
    },
    read: () => ({ ...(kind.value === stored.auth_type ? {} : { auth_type: kind.value }), ...given(wanted(), inputs) }),
    wrong() {
      const [needed] = wanted();
      return needed && !inputs[needed].value.trim() ? [[needed, t("auth.needed")]] : [];
    },
  };
}

/** The group of the fields, with what can be done to stored credentials; without `remove` there is no such button. */
function drawn(inputs, { ask, keep, remove }) {
  const parts = {
    rows: Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, memberField(name, input)])),
    said: h("p", { class: "quiet" }),
    replace: button(t("auth.replace"), ask),
    keep: button(t("auth.keep"), keep),
    gone: remove ? button(t("auth.remove"), remove, { kind: "danger" }) : null,
  };
  const group = h(
    "div",
    { class: "credentials", id: "field-auth_credentials", role: "group", "aria-label": t("auth.label"), tabindex: "-1" },
    parts.said,
    h("div", { class: "actions" }, parts.replace, parts.keep, parts.gone),
    Object.values(parts.rows),
    h("small", { id: "field-auth_credentials-wrong", class: "wrong", hidden: true }),
  );
  return { ...parts, group };
}

/** What was typed into the fields that are `wanted`. An empty password is one; whatever else is empty is not given. */
function given(wanted, inputs) {
  const typed = wanted.map((name) => [name, name === "password" ? inputs[name].value : inputs[name].value.trim()]);
  if (!typed.some(([, value]) => value)) return {};
  return { auth_credentials: Object.fromEntries(typed.filter(([name, value]) => value || name === "password")) };
}

/** The input of each member, of whatever kind. */
function members(changed) {
  const inputs = Object.fromEntries(Object.keys(LABELS).map((name) => [name, member(name)]));
  for (const [name, input] of Object.entries(inputs))
    input.addEventListener("input", () => {
      if (name === "api_key") divide(inputs);
      changed();
    });
  return inputs;
}

/** Whoever pastes `X-Key: abc`, as manuals have it, means a header and a key. */
function divide(inputs) {
  const [, header, key] = inputs.api_key.value.match(/^\s*([!#$%&'*+.^`|~\w-]+):\s+(\S.*)$/) ?? [];
  if (!header) return;
  inputs.api_key_header.value = header;
  inputs.api_key.value = key.trim();
}

function member(name) {
  const secret = SECRET.includes(name);
  const hint = name === "api_key_header" ? "X-API-Key" : null;
  return h("input", { name, type: secret ? "password" : "text", autocomplete: secret ? "new-password" : "off", autocapitalize: "none", spellcheck: "false", placeholder: hint, maxlength: "4000" });
}

/** A kind that we do not know is shown as it is, so that saving something else does not change it. */
function choices(kind) {
  return KINDS.includes(kind) ? KINDS : [...KINDS, kind];
}

function memberField(name, input) {
  const hints = { api_key: "auth.key.hint", api_key_header: "auth.header.hint" };
  return field(t(`auth.${LABELS[name]}`), input, { hint: hints[name] && t(hints[name]) });
}
