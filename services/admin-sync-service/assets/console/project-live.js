// How a project is right now, as viewers see it: state, age, viewers, errors. Looked at every few seconds.

import { now } from "./clock.js";
import { h, refresh } from "./dom.js";
import { ago, duration, number, when } from "./format.js";
import { badge } from "./parts.js";
import { EFFECT_SECONDS } from "./project-desk.js";
import { learn, t, within } from "./words.js";

learn({
  en: {
    "live.title": "Live now", "live.asof": "Data as of", "live.viewers": "Viewers now", "live.units": "Units", "live.error": "Last error",
    "live.next": "Next attempt", "live.in": "in {span}", "live.asked": "Client API asked", "live.asked.text": "{n} {n|time|times}", "live.asked.more": "{same} unchanged, {failures} failed",
    "live.cold": "Nobody watches this project, so its client API is not asked. Open the viewer to see it live.",
    "live.cold.last": "It was last read {ago}.",
    "live.circuit": "The client API failed many times in a row. It is asked only now and then until it answers again.",
    "live.unmapped": "{n} {n|word is|words are} not mapped and {n|becomes|become} “{status}”.",
    "live.odd": "{skipped} entries were no units, {duplicates} came twice.",
    "live.effect": "Change stored {span} ago. Viewers have it within {most} s of storing.",
    "live.inactive": "This project is inactive: viewers are told that it is no longer published.",
    "live.unconnected": "No client API is connected yet: viewers see no units.",
    "live.complaint": "Stored settings: {text}",
    "live.untold": "No public-service says how this project is for its viewers. See System, and PUBLIC_OPS_URL.",
  },
  pt: {
    "live.title": "Agora", "live.asof": "Dados de", "live.viewers": "Assistindo agora", "live.units": "Unidades", "live.error": "Último erro",
    "live.next": "Próxima tentativa", "live.in": "em {span}", "live.asked": "Consultas à API", "live.asked.text": "{n} {n|vez|vezes}", "live.asked.more": "{same} sem mudança, {failures} com falha",
    "live.cold": "Ninguém está assistindo a este projeto, por isso a API do cliente não é consultada. Abra a página pública para vê-lo ao vivo.",
    "live.cold.last": "A última leitura foi {ago}.",
    "live.circuit": "A API do cliente falhou muitas vezes seguidas. Ela só é consultada de vez em quando até voltar a responder.",
    "live.unmapped": "{n} {n|palavra não tem|palavras não têm} mapeamento e {n|vira|viram} “{status}”.",
    "live.odd": "{skipped} itens não eram unidades, {duplicates} vieram repetidos.",
    "live.effect": "Mudança guardada há {span}. Os visitantes a recebem em até {most} s depois de guardada.",
    "live.inactive": "Este projeto está inativo: os visitantes leem que ele não está mais publicado.",
    "live.unconnected": "Nenhuma API de cliente está conectada: os visitantes não veem unidades.",
    "live.complaint": "Configuração guardada: {text}",
    "live.untold": "Nenhum public-service diz como este projeto está para os visitantes. Veja Sistema, e PUBLIC_OPS_URL.",
  },
});

/** The state to show. What is old only because nobody watches is idle, and nobody's worry. */
export function stateOf({ is_active: isActive, live, live_known: isKnown }) {
  if (!isActive) return "inactive";
  if (!isKnown) return "unknown";
  if (!live || (live.state !== "live" && !live.subscribers && !live.last_error)) return "idle";
  return live.state;
}

export function liveCard(desk) {
  let shown = h("section", { class: "card live", "aria-labelledby": "live-title" });
  const card = h("div", {}, shown);
  const draw = () => (shown = refresh(shown, drawn(desk)));
  desk.listen(draw);
  return card;
}

function drawn(desk) {
  const { project } = desk;
  return h(
    "section",
    { class: "card live", id: "live", "aria-labelledby": "live-title" },
    h("div", { class: "head" }, h("h2", { id: "live-title" }, t("live.title")), badge(stateOf(project))),
    facts(project.live),
    h("div", { class: "remarks" }, remarks(desk)),
  );
}

function facts(live) {
  const fact = (key, value) => h("div", { "data-key": key }, h("dt", {}, t(`live.${key}`)), h("dd", {}, value));
  const { requests = 0, not_modified: same = 0, failures = 0 } = live?.upstream ?? {};
  const asked = [t("live.asked.text", { n: requests }), " ", h("small", { class: "quiet" }, t("live.asked.more", { same: number(same), failures: number(failures) }))];
  return h(
    "dl",
    { class: "live-figures" },
    fact("asof", live?.as_of ? h("span", { title: when(live.as_of) }, ago(live.as_of)) : "–"),
    fact("viewers", number(live?.subscribers)),
    fact("units", number(live?.units)),
    fact("asked", live ? asked : "–"),
  );
}

function remarks(desk) {
  const { project, integration } = desk;
  const { live } = project;
  const told = [];
  const say = (key, kind, ...content) => told.push(h("div", { class: `notice is-${kind}`, "data-key": key }, ...content));
  const read = live?.as_of ?? project.integration?.last_sync_at;
  const fresh = desk.savedAt && (Date.now() - desk.savedAt) / 1000;
  if (project.is_active && fresh !== null && fresh < EFFECT_SECONDS + 5) say("effect", "good", t("live.effect", { span: duration(Math.max(1, fresh)), most: EFFECT_SECONDS }));
  if (!project.is_active) say("inactive", "warn", t("live.inactive"));
  else if (!desk.isConnected) say("unconnected", "warn", t("live.unconnected"));
  else if (!project.live_known) say("untold", "warn", t("live.untold"));
  else if (stateOf(project) === "idle") say("cold", "plain", t("live.cold"), read ? ` ${t("live.cold.last", { ago: ago(read) })}` : "");
  if (live?.last_error) say("error", "bad", h("strong", {}, `${t("live.error")}: `), within(live.last_error), next(live));
  if (live?.circuit_open) say("circuit", "warn", t("live.circuit"));
  for (const text of live?.settings_complaints ?? integration.complaints ?? []) say(`c:${text}`, "warn", t("live.complaint", { text }));
  if (live?.skipped || live?.duplicates) say("odd", "warn", t("live.odd", { skipped: number(live.skipped), duplicates: number(live.duplicates) }));
  return told;
}

function next(live) {
  const seconds = live.next_attempt_at ? (new Date(live.next_attempt_at) - now()) / 1000 : 0;
  return seconds > 0 ? h("span", { class: "quiet" }, ` ${t("live.next")}: ${t("live.in", { span: duration(seconds) })}`) : null;
}
