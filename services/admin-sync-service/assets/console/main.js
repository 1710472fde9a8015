// The shell: who is signed in, which page is shown, the way between pages. A page is a module with
// `show(place, page)`, where `page` has `session`, `params`, `query`, `signal` (aborted when the page is left), `go(path)`,
// `here(path, replace)` (another address of the same page), and `guard(unsaved)`: while `unsaved()` is true, whoever leaves the page is asked first.

import { del, door, get } from "./api.js";
import { announce, fill, h } from "./dom.js";
import { useZone } from "./format.js";
import { button, confirmed, explain, notice } from "./parts.js";
import { signIn, signInAgain } from "./signin.js";
import { language, learn, speak, t } from "./words.js";

learn({
  en: {
    skip: "Skip to the page", never: "never", ago: "{span} ago", "nav.label": "Pages", "nav.runs": "Runs", "nav.coverage": "Coverage",
    "nav.dashboard": "Dashboard", "nav.projects": "Projects", "nav.system": "System", "nav.out": "Sign out", "nav.out.not": "You are still signed in. {why}", "nav.language": "Language",
    "page.missing": "There is no such page.", "page.loading": "Loading …", "page.expired": "Your session has ended. Sign in to go on.",
    "page.kept": "Your session has ended. What you have typed is still here; to save it, sign in.",
    "page.unsaved": "Leave without saving?", "page.unsaved.why": "What you have changed on this page is not saved.", "page.leave": "Leave",
  },
  pt: {
    skip: "Ir para a página", never: "nunca", ago: "há {span}", "nav.label": "Páginas", "nav.runs": "Execuções", "nav.coverage": "Cobertura",
    "nav.dashboard": "Painel", "nav.projects": "Projetos", "nav.system": "Sistema", "nav.out": "Sair", "nav.out.not": "Você ainda não saiu. {why}", "nav.language": "Idioma",
    "page.missing": "Esta página não existe.", "page.loading": "Carregando …", "page.expired": "Sua sessão terminou. Entre para continuar.",
    "page.kept": "Sua sessão terminou. O que você digitou continua aqui; para salvar, entre.",
    "page.unsaved": "Sair sem salvar?", "page.unsaved.why": "O que você mudou nesta página não foi salvo.", "page.leave": "Sair sem salvar",
  },
});

const PAGES = [
  { path: /^\/console\/?$/, tab: "runs", load: () => import("./runs.js") },
  { path: /^\/console\/runs\/?$/, tab: "runs", load: () => import("./runs.js") },
  { path: /^\/console\/runs\/(?<id>\d+)$/, tab: "runs", load: () => import("./run.js") },
  { path: /^\/console\/coverage\/?$/, tab: "coverage", load: () => import("./coverage.js") },
  { path: /^\/console\/dashboard\/?$/, tab: "dashboard", load: () => import("./dashboard.js") },
  { path: /^\/console\/projects\/?$/, tab: "projects", load: () => import("./projects.js") },
  { path: /^\/console\/projects\/(?<slug>[a-z][a-z0-9-]+)$/, tab: "projects", load: () => import("./project.js") },
  { path: /^\/console\/system\/?$/, tab: "system", load: () => import("./system.js") },
];
const TABS = ["runs", "coverage", "dashboard", "projects", "system"];

const place = document.getElementById("page");
let session = null;
let leave = new AbortController();
let shown = "";
let unsaved = () => false;

/** Shows the page of the present address. `moved`: a person came from another page, so the reader's place moves too. */
async function render(moved = false) {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  shown = location.pathname + location.search;
  unsaved = () => false;
  document.getElementById("sign-in-again")?.close();
  frame();
  if (!session?.user) return signIn(place, session, entered);
  const found = PAGES.find(({ path }) => path.test(location.pathname));
  if (!found) return fill(place, h("section", { class: "ending" }, h("h1", {}, t("page.missing"))));
  try {
    const module = await found.load();
    if (signal.aborted) return undefined;
    const params = location.pathname.match(found.path).groups ?? {};
    const page = { session, params, query: new URLSearchParams(location.search), signal, go, here, guard };
    fill(place, h("p", { class: "quiet" }, t("page.loading")));
    await module.show(place, page);
    if (signal.aborted) return undefined;
    const title = place.querySelector("h1")?.textContent ?? "";
    document.title = `Farol · ${title}`;
    if (moved) {
      scrollTo(0, 0);
      place.focus({ preventScroll: true });
      announce(title);
    }
  } catch (error) {
    if (error.name === "AbortError" || signal.aborted) return undefined;
    fill(place, notice("bad", explain(error)), button(t("part.again"), () => render()));
  }
  return undefined;
}

async function go(path) {
  if (!(await mayLeave())) return;
  history.pushState(null, "", path);
  await render(true);
}

/** The page shows something else by itself, and its address says so; back and forward show the page of that address anew. */
function here(path, replace = false) {
  history[replace ? "replaceState" : "pushState"](null, "", path);
  shown = path;
}

function guard(ask) {
  unsaved = ask;
}

async function mayLeave() {
  return !unsaved() || confirmed(t("page.unsaved"), t("page.unsaved.why"), t("page.leave"));
}

/** Back and forward. A move within the page (the link to skip to it, say) is none. */
async function travelled() {
  if (location.pathname + location.search === shown) return;
  if (await mayLeave()) await render(true);
  else history.pushState(null, "", shown);
}

function entered(told) {
  session = told;
  useZone(told.time_zone);
  render(true);
}

/** Bar, navigation and language: again with each page, since any of them may have changed. */
function frame() {
  document.documentElement.lang = language === "pt" ? "pt-BR" : "en";
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = t(element.dataset.say);
  const nav = document.getElementById("nav");
  nav.hidden = !session?.user;
  nav.setAttribute("aria-label", t("nav.label"));
  const here = PAGES.find(({ path }) => path.test(location.pathname))?.tab;
  fill(nav, TABS.map((tab) => h("a", { href: `/console/${tab}`, "aria-current": tab === here ? "page" : null }, t(`nav.${tab}`))));
  // On a narrow screen the pages do not fit side by side.
  const current = nav.querySelector("[aria-current]");
  if (current) nav.scrollLeft = current.offsetLeft - nav.offsetLeft - 16;
  const other = language === "en" ? "pt" : "en";
  const speech = h("button", { class: "plain", lang: other === "pt" ? "pt-BR" : "en" }, other === "pt" ? "Português" : "English");
  speech.addEventListener("click", async () => {
    if (!(await mayLeave())) return;
    speak(other);
    render();
  });
  const out = session?.user && session.auth === "on" ? button(t("nav.out"), signOut) : null;
  fill(document.getElementById("person"), session?.user ? h("span", { class: "quiet" }, session.user) : null, speech, out);
}

async function signOut() {
  if (!(await mayLeave())) return;
  try {
    await del("/console/session");
    session = await get("/console/session");
  } catch (error) {
    // Whoever walks away from the screen now is still signed in.
    document.getElementById("out-said")?.remove();
    place.prepend(h("div", { id: "out-said" }, notice("bad", t("nav.out.not", { why: explain(error) }))));
    return;
  }
  render();
}

door.signedOut = async (acts) => {
  if (!session?.user) return;
  // Whoever types or has pressed something signs in over the page: what they have typed is there and nowhere else.
  if (acts || unsaved() || document.querySelector("dialog[open]")) return kept(acts);
  session = { ...session, user: null };
  await render();
  place.querySelector("h1")?.after(notice("warn", t("page.expired")));
  return undefined;
};

/** Says that nothing can be saved, and takes the keyboard from nobody who has not asked for anything. */
function kept(acts) {
  const again = () => signInAgain(session.user, (told) => (Object.assign(session, told), frame()));
  if (!document.getElementById("ended"))
    place.prepend(h("div", { id: "ended" }, notice("warn", h("p", {}, t("page.kept")), h("div", { class: "actions" }, button(t("signin.go"), again)))));
  if (acts) again();
}

door.answered = () => document.getElementById("ended")?.remove();

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='/console']");
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || link.target || event.defaultPrevented) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});
addEventListener("popstate", travelled);
addEventListener("beforeunload", (event) => unsaved() && event.preventDefault());

async function start() {
  try {
    session = await get("/console/session");
    if (session.time_zone) useZone(session.time_zone);
    await render();
  } catch (error) {
    frame();
    fill(place, notice("bad", explain(error)), button(t("part.again"), start));
  }
}

start();
