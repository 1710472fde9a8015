// The list of projects, as they are right now: those that need a person first.

import { get } from "./api.js";
import { fill, h, put, refresh } from "./dom.js";
import { ago, number, when } from "./format.js";
import { badge, outdated, row, table } from "./parts.js";
import { stateOf } from "./project-live.js";
import { showNew } from "./project-new.js";
import { every } from "./watch.js";
import { learn, locale, t, within } from "./words.js";

learn({
  en: {
    "projects.title": "Projects", "projects.new": "New project", "projects.filter": "Filter by name", "projects.only": "Only those that need attention ({n})",
    "projects.none": "No project yet.", "projects.none.why": "A project is a set of units whose status a client’s API tells. Connect the first one: you need the address of the API and what it asks for, a key for example.",
    "projects.nomatch": "No project fits.", "projects.all": "Show all",
    "projects.name": "Project", "projects.state": "State", "projects.asof": "Data as of", "projects.viewers": "Viewers", "projects.units": "Units", "projects.attention": "Needs attention", "projects.viewer": "Viewer",
    "projects.open": "Open", "projects.open.name": "Open the viewer of {name}",
    "projects.unmapped": "{n} {n|word|words} without a meaning", "projects.unconnected": "No client API", "projects.idle": "Nobody watches",
    "projects.odd": "Settings that cannot be used as they are", "projects.more": "{n} more are not shown. Filter by name to see them.", "projects.capped": "There are more projects than are listed here.",
    "projects.count": "{n} {n|project|projects}",
  },
  pt: {
    "projects.title": "Projetos", "projects.new": "Novo projeto", "projects.filter": "Filtrar por nome", "projects.only": "Só os que precisam de atenção ({n})",
    "projects.none": "Nenhum projeto ainda.", "projects.none.why": "Um projeto é um conjunto de unidades cuja situação a API de um cliente informa. Conecte o primeiro: você precisa do endereço da API e do que ela exige, uma chave por exemplo.",
    "projects.nomatch": "Nenhum projeto corresponde.", "projects.all": "Mostrar todos",
    "projects.name": "Projeto", "projects.state": "Estado", "projects.asof": "Dados de", "projects.viewers": "Assistindo", "projects.units": "Unidades", "projects.attention": "Precisa de atenção", "projects.viewer": "Página pública",
    "projects.open": "Abrir", "projects.open.name": "Abrir a página pública de {name}",
    "projects.unmapped": "{n} {n|palavra|palavras} sem significado", "projects.unconnected": "Sem API de cliente", "projects.idle": "Ninguém assiste",
    "projects.odd": "Configuração que não pode ser usada como está", "projects.more": "Mais {n} não aparecem. Filtre por nome para vê-los.", "projects.capped": "Há mais projetos do que os listados aqui.",
    "projects.count": "{n} {n|projeto|projetos}",
  },
});

const LOOK_MS = 5000;
/** Rows at once; whoever has more than that looks for one by name. */
const MOST_ROWS = 200;
/** As many as a row has room for. */
const MOST_WORRIES = 2;

export async function show(place, page) {
  if (page.query.has("new")) return showNew(place, page);
  let told = await get("/api/projects", { signal: page.signal });
  const filter = h("input", { type: "search", id: "filter", "aria-label": t("projects.filter"), placeholder: t("projects.filter"), value: page.query.get("q") ?? "" });
  const only = h("input", { type: "checkbox", id: "only-attention" });
  const onlyLabel = h("label", { for: "only-attention" });
  const away = h("div", {});
  const controls = h("div", { class: "controls" }, filter, h("div", { class: "check" }, only, onlyLabel));
  let list = h("div", { id: "projects" });
  fill(
    place,
    h("div", { class: "head" }, h("h1", {}, t("projects.title")), h("div", { class: "actions" }, h("a", { class: "strong", href: "/console/projects?new", id: "new-project" }, t("projects.new")))),
    away,
    controls,
    list,
  );

  let places = new Map();
  const placeOf = ({ slug }) => places.get(slug) ?? places.size;

  function draw() {
    const words = filter.value.trim().toLowerCase();
    const all = told.projects.map((project) => ({ ...project, attention: attention(project) }));
    const needy = all.filter((project) => project.attention.length);
    onlyLabel.textContent = t("projects.only", { n: number(needy.length) });
    controls.hidden = !all.length;
    const fits = (project) => (!only.checked || project.attention.length) && (!words || `${project.name} ${project.slug}`.toLowerCase().includes(words));
    const found = all.filter(fits).sort((a, b) => order(a) - order(b) || a.name.localeCompare(b.name, locale, { numeric: true }));
    // Nothing moves away from under a hand that is about to press it.
    if (list.matches(":hover, :focus-within")) found.sort((a, b) => placeOf(a) - placeOf(b));
    places = new Map(found.map(({ slug }, index) => [slug, index]));
    list = refresh(list, h("div", { id: "projects" }, content(all, found, page.session.viewer_url, told.capped)));
  }
  filter.addEventListener("input", draw);
  only.addEventListener("change", draw);
  draw();
  every(
    LOOK_MS,
    async () => {
      told = await get("/api/projects", { signal: page.signal });
      draw();
    },
    page.signal,
    (...failure) => put(away, outdated(...failure)),
    { fresh: true },
  );
  return undefined;
}

/** Why a person should look at it; empty where all is well. What is inactive is nobody's worry. */
function attention({ is_active: isActive, integration, live }) {
  if (!isActive) return [];
  if (!integration?.api_base_url) return [{ kind: "warn", text: t("projects.unconnected") }];
  const error = live ? live.last_error : integration.sync_error;
  return [
    error ? { kind: "bad", text: error } : null,
    live?.unmapped?.length ? { kind: "warn", text: t("projects.unmapped", { n: live.unmapped.length }) } : null,
    live?.settings_complaints?.length ? { kind: "warn", text: t("projects.odd") } : null,
  ].filter(Boolean);
}

const order = ({ is_active: isActive, attention: why }) => (!isActive ? 3 : why.some(({ kind }) => kind === "bad") ? 0 : why.length ? 1 : 2);

function content(all, found, viewers, capped) {
  if (!all.length) return h("div", { class: "empty", "data-key": "none" }, h("p", {}, h("strong", {}, t("projects.none"))), h("p", {}, t("projects.none.why")), h("p", {}, h("a", { class: "strong", href: "/console/projects?new" }, t("projects.new"))));
  if (!found.length) return h("p", { class: "empty", "data-key": "nomatch" }, t("projects.nomatch"));
  const number_ = (key) => ({ text: t(`projects.${key}`), kind: "number" });
  const headings = [t("projects.name"), t("projects.state"), t("projects.asof"), number_("viewers"), number_("units"), t("projects.attention"), t("projects.viewer")];
  const rows = found.slice(0, MOST_ROWS).map((project) => row(headings, cells(project, viewers), { "data-key": project.slug, class: project.is_active ? null : "is-off" }));
  const hidden = found.length - rows.length;
  return [
    h("div", { class: "card flush", "data-key": "list" }, table(t("projects.title"), headings, rows)),
    h("p", { class: "quiet", "data-key": "count" }, [t("projects.count", { n: number(found.length) }), hidden > 0 ? t("projects.more", { n: number(hidden) }) : "", capped ? t("projects.capped") : ""].filter(Boolean).join(" · ")),
  ];
}

function cells(project, viewers) {
  const { slug, name, live, integration, attention: why } = project;
  const seen = live?.as_of ?? integration?.last_sync_at;
  return [
    h("div", { class: "named" }, h("a", { href: `/console/projects/${slug}` }, within(name)), h("code", { class: "quiet" }, slug)),
    badge(stateOf(project)),
    h("span", { class: "quiet", title: seen ? when(seen) : null }, seen ? ago(seen) : t("state.never")),
    number(live?.subscribers),
    number(live?.units),
    why.length ? h("ul", { class: "worries" }, why.slice(0, MOST_WORRIES).map(({ kind, text }) => h("li", { class: `worry is-${kind}`, title: text }, h("span", {}, text)))) : h("span", { class: "quiet" }, "–"),
    viewers ? h("a", { href: `${viewers.replace(/\/+$/, "")}/viewer/${slug}`, target: "_blank", rel: "noopener", "aria-label": t("projects.open.name", { name }) }, t("projects.open")) : "–",
  ];
}
