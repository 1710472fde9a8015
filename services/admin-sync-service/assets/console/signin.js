// The sign-in form, as a page and over one. Name and password go out once, as HTTP Basic, and are then forgotten: the browser has a cookie that no
// script can read.

import { ApiError, post } from "./api.js";
import { announce, fill, h } from "./dom.js";
import { busy, button, explain, field, notice } from "./parts.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "signin.title": "Sign in", "signin.name": "Name", "signin.password": "Password", "signin.go": "Sign in",
    "signin.wrong": "Name or password is wrong.", "signin.locked": "Too many wrong attempts. Try again in {n} {n|second|seconds}.",
    "signin.again": "Your session has ended", "signin.again.why": "Sign in, and press once more: what you have typed is still there.",
    "signin.later": "Not now", "signin.back": "You are signed in again.",
    "signin.tokens": "This service knows tokens only. The console needs ADMIN_USERNAME and ADMIN_PASSWORD.",
  },
  pt: {
    "signin.title": "Entrar", "signin.name": "Usuário", "signin.password": "Senha", "signin.go": "Entrar",
    "signin.wrong": "Usuário ou senha incorretos.", "signin.locked": "Muitas tentativas erradas. Tente de novo em {n} {n|segundo|segundos}.",
    "signin.again": "Sua sessão terminou", "signin.again.why": "Entre e pressione de novo: o que você digitou continua aqui.",
    "signin.later": "Agora não", "signin.back": "Você entrou de novo.",
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
  const { form, name, go } = asking("", entered);
  form.className = "card narrow";
  form.prepend(h("h1", {}, t("signin.title")));
  form.append(go);
  fill(place, form);
  name.focus();
}

/** Offers the form over a page that stays as it is. `entered(session)` is called once somebody is in; until then it may be put away. */
export function signInAgain(user, entered) {
  if (document.getElementById("sign-in-again")) return;
  const away = new AbortController();
  const told = (session) => {
    entered(session);
    dialog.close();
    announce(t("signin.back"));
  };
  const { form, name, password, go } = asking("again-", told, away.signal);
  const dialog = h(
    "dialog",
    { class: "dialog", id: "sign-in-again", "aria-labelledby": "again-title", "aria-describedby": "again-why" },
    form,
  );
  form.prepend(h("h2", { id: "again-title" }, t("signin.again")), h("p", { id: "again-why", class: "quiet" }, t("signin.again.why")));
  form.append(h("div", { class: "actions" }, button(t("signin.later"), () => dialog.close()), go));
  dialog.addEventListener("close", () => {
    dialog.remove();
    // What was sent may still be on its way: who has put this away does not want to be signed in by it.
    away.abort();
    // What had the keyboard may be gone: the button that opened this, say.
    if (document.activeElement === document.body) document.getElementById("page").focus({ preventScroll: true });
  });
  document.body.append(dialog);
  dialog.showModal();
  name.value = user;
  password.focus();
}

/** The form itself, but for its button `go`. `prefix` sets its fields apart from those of the page below it; `signal` gives it up. */
function asking(prefix, entered, signal) {
  const name = h("input", { name: "username", autocomplete: "username", required: true, autocapitalize: "none", spellcheck: "false" });
  const password = h("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  const said = h("div", {});
  const go = h("button", { class: "strong" }, t("signin.go"));
  const form = h(
    "form",
    { class: "stack" },
    field(t("signin.name"), name, { name: `${prefix}username` }),
    field(t("signin.password"), password, { name: `${prefix}password` }),
    said,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(go, async () => {
      try {
        const headers = { Authorization: basic(name.value, password.value) };
        entered(await post("/console/session", undefined, { stay: true, headers, signal }));
      } catch (error) {
        if (signal?.aborted) return;
        password.value = "";
        password.focus();
        fill(said, notice("bad", reason(error)));
      }
    });
  });
  return { form, name, password, go };
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
