// The sign-in form. Name and password go out once, as HTTP Basic, and are then forgotten: the browser has a cookie that no
// script can read.

import { ApiError, post } from "./api.js";
import { fill, h } from "./dom.js";
import { busy, explain, field, notice } from "./parts.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "signin.title": "Sign in", "signin.name": "Name", "signin.password": "Password", "signin.go": "Sign in",
    "signin.wrong": "Name or password is wrong.", "signin.locked": "Too many wrong attempts. Try again in {n} {n|second|seconds}.",
    "signin.tokens": "This service knows tokens only. The console needs ADMIN_USERNAME and ADMIN_PASSWORD.",
  },
  pt: {
    "signin.title": "Entrar", "signin.name": "Usuário", "signin.password": "Senha", "signin.go": "Entrar",
    "signin.wrong": "Usuário ou senha incorretos.", "signin.locked": "Muitas tentativas erradas. Tente de novo em {n} {n|segundo|segundos}.",
    "signin.tokens": "Este serviço só conhece tokens. O console precisa de ADMIN_USERNAME e ADMIN_PASSWORD.",
  },
});

/** Shows the form in `place`; `entered(session)` is called once somebody is in. */
export function signIn(place, session, entered) {
  document.title = `Farol · ${t("signin.title")}`;
  if (!session.basic) {
    fill(place, h("section", { class: "card narrow" }, h("h1", {}, t("signin.title")), notice("warn", t("signin.tokens"))));
    return;
  }
  const name = h("input", { name: "username", autocomplete: "username", required: true, autocapitalize: "none", spellcheck: "false" });
  const password = h("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  const said = h("div", {});
  const go = h("button", { class: "strong" }, t("signin.go"));
  const form = h(
    "form",
    { class: "card narrow" },
    h("h1", {}, t("signin.title")),
    field(t("signin.name"), name),
    field(t("signin.password"), password),
    said,
    go,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(go, async () => {
      try {
        entered(await post("/console/session", undefined, { stay: true, headers: { Authorization: basic(name.value, password.value) } }));
      } catch (error) {
        password.value = "";
        password.focus();
        fill(said, notice("bad", reason(error)));
      }
    });
  });
  fill(place, form);
  name.focus();
}

function reason(error) {
  if (!(error instanceof ApiError)) return explain(error);
  if (error.status === 401) return t("signin.wrong");
  if (error.status === 429) return t("signin.locked", { n: error.retryAfter ?? 60 });
  return explain(error);
}

/** In UTF-8, as the challenge of the service asks for. */
function basic(name, password) {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}
