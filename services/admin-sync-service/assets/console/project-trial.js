// What a client API answered when it was tried: whether it works, why not and what to do, and what its units would be.

import { origin } from "./address.js";
import { fill, h } from "./dom.js";
import { number, when } from "./format.js";
import { quoted, statusChip, statusName } from "./meaning.js";
import { notice, table } from "./parts.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "trial.title": "What the client API answers", "trial.none": "Press “Save and test” or “Test without saving” to ask the client API once and see what its units would be.",
    "trial.good": "It works: {count} {count|unit|units} in {ms} ms.", "trial.bad": "It does not work.", "trial.code": "The client API answered {code}.",
    "trial.took": "{ms} ms", "trial.reason": "The service says: {error}", "trial.at": "Asked {at}.",
    "trial.unsaved": "This was a test of what is in the form. It is not stored yet.",
    "trial.unsent": "The stored credentials were not sent, because the address has another host.",
    "trial.odd": "{skipped} entries were no units and were left out. {duplicates} came twice: the last one counts.",
    "trial.table": "The first units", "trial.unit": "Unit", "trial.word": "Client’s word", "trial.status": "Status",
    "trial.first": "The first {shown} of {count} units.", "trial.sample": "The answer as it came",
    "trial.open": "{n} {n|word has|words have} no meaning yet: see “Words without a meaning”.",
    "trial.becomes": "not mapped: {status}",
    "why.credentials": "The credentials are missing, wrong, or not allowed to read this. Ask the client for valid ones, choose the right kind of authentication, and check the header’s name.",
    "why.missing": "There is nothing at this address. Compare it with what the client gave you, letter by letter.",
    "why.busy": "The client asks for fewer requests. Wait a little, and choose a longer interval.",
    "why.server": "The fault is on the client’s side. Try again later; tell the client if it stays.",
    "why.refused": "The client API understood the request and refused it. Check the address, then ask the client.",
    "why.timeout": "It did not answer in time. Try again; if that helps now and then, give it a longer timeout (up to 60 s).",
    "why.blocked": "This address is not public, so it is not asked. If that is meant, the operator allows its host in UPSTREAM_ALLOW_HOSTS.",
    "why.redirect": "The address leads elsewhere. Give the address that it leads to.",
    "why.connection": "Nobody answers there, or the connection broke. Check host, port and https; the client’s firewall may have to let us in.",
    "why.json": "The answer is no JSON: a sign-in page, perhaps, or the wrong address.",
    "why.shape": "The answer is JSON, but neither a list of units nor a map of units to statuses. If it is a map such as {\"A101\": \"…\"}, say first what one of its words means.",
    "why.large": "The answer is larger than we read: 10 MiB, 100,000 units. The client must offer a smaller one.",
    "why.unusable": "The stored credentials cannot be used. Replace them.",
    "why.other": "Check address and credentials, and try again.",
  },
  pt: {
    "trial.title": "O que a API do cliente responde", "trial.none": "Pressione “Salvar e testar” ou “Testar sem salvar” para consultar a API do cliente uma vez e ver como ficariam as unidades.",
    "trial.good": "Funciona: {count} {count|unidade|unidades} em {ms} ms.", "trial.bad": "Não funciona.", "trial.code": "A API do cliente respondeu {code}.",
    "trial.took": "{ms} ms", "trial.reason": "O serviço diz: {error}", "trial.at": "Consultada em {at}.",
    "trial.unsaved": "Este foi um teste do que está no formulário. Ainda não foi guardado.",
    "trial.unsent": "As credenciais guardadas não foram enviadas, porque o endereço tem outro servidor.",
    "trial.odd": "{skipped} itens não eram unidades e ficaram de fora. {duplicates} vieram repetidos: vale o último.",
    "trial.table": "As primeiras unidades", "trial.unit": "Unidade", "trial.word": "Palavra do cliente", "trial.status": "Situação",
    "trial.first": "As primeiras {shown} de {count} unidades.", "trial.sample": "A resposta como veio",
    "trial.open": "{n} {n|palavra ainda não tem|palavras ainda não têm} significado: veja “Palavras sem significado”.",
    "trial.becomes": "sem mapeamento: {status}",
    "why.credentials": "As credenciais faltam, estão erradas ou não dão acesso. Peça credenciais válidas ao cliente, escolha o tipo certo de autenticação e confira o nome do cabeçalho.",
    "why.missing": "Não há nada neste endereço. Compare-o letra por letra com o que o cliente informou.",
    "why.busy": "O cliente pede menos consultas. Espere um pouco e escolha um intervalo maior.",
    "why.server": "A falha está do lado do cliente. Tente mais tarde; avise o cliente se persistir.",
    "why.refused": "A API do cliente entendeu a consulta e a recusou. Confira o endereço e pergunte ao cliente.",
    "why.timeout": "Não respondeu a tempo. Tente de novo; se às vezes funcionar, dê um tempo limite maior (até 60 s).",
    "why.blocked": "Este endereço não é público, por isso não é consultado. Se for intencional, o operador libera o servidor em UPSTREAM_ALLOW_HOSTS.",
    "why.redirect": "O endereço leva a outro lugar. Informe o endereço para onde ele leva.",
    "why.connection": "Ninguém responde ali, ou a conexão caiu. Confira servidor, porta e https; talvez o firewall do cliente precise nos liberar.",
    "why.json": "A resposta não é JSON: talvez uma página de login ou o endereço errado.",
    "why.shape": "A resposta é JSON, mas não é uma lista de unidades nem um mapa de unidades para situações. Se for um mapa como {\"A101\": \"…\"}, diga primeiro o que significa uma das palavras.",
    "why.large": "A resposta é maior do que lemos: 10 MiB, 100.000 unidades. O cliente precisa oferecer uma menor.",
    "why.unusable": "As credenciais guardadas não podem ser usadas. Substitua-as.",
    "why.other": "Confira endereço e credenciais e tente de novo.",
  },
});

/** What the service says of a failure, told by its code, else by the words of its reason. */
const REASONS = [
  [/not public|blocked/i, "blocked"],
  [/redirect/i, "redirect"],
  [/time limit|deadline|timed? ?out/i, "timeout"],
  [/credentials cannot be used|no credentials|auth_type/i, "unusable"],
  [/not JSON/i, "json"],
  [/more than/i, "large"],
  [/not a list or map|shape/i, "shape"],
  [/connection|broke off/i, "connection"],
];

function why({ status_code: code, error = "" }) {
  if (code === 401 || code === 403) return "credentials";
  if (code === 404 || code === 410) return "missing";
  if (code === 429) return "busy";
  if (code >= 500) return "server";
  if (code >= 400) return "refused";
  return REASONS.find(([reason]) => reason.test(error))?.[1] ?? "other";
}

export function trialCard(desk) {
  const said = h("div", { class: "stack" });
  const card = h("section", { class: "card stack", id: "trial", "aria-labelledby": "trial-title" }, h("h2", { id: "trial-title", tabindex: "-1" }, t("trial.title")), said);
  desk.listen((what) => what !== "project" && fill(said, desk.trial ? told(desk) : h("p", { class: "quiet" }, t("trial.none"))));
  return card;
}

function told(desk) {
  const { trial } = desk;
  const preview = trial.preview;
  return [
    trial.success ? good(trial) : bad(trial),
    Object.keys(trial.overrides).length ? h("p", { class: "quiet" }, t("trial.unsaved")) : null,
    !trial.success && isWithheld(desk) ? notice("warn", t("trial.unsent")) : null,
    preview?.unmapped?.length ? notice("warn", t("trial.open", { n: preview.unmapped.length })) : null,
    preview?.skipped || preview?.duplicates ? h("p", { class: "quiet" }, t("trial.odd", { skipped: number(preview.skipped), duplicates: number(preview.duplicates) })) : null,
    preview?.units?.length ? units(preview, desk) : null,
    sample(trial),
    h("p", { class: "quiet" }, t("trial.at", { at: when(trial.at) })),
  ];
}

/** Stored credentials go to the stored origin only. */
function isWithheld({ integration, trial: { overrides, credentials_sent: sent } }) {
  const elsewhere = overrides.api_base_url && origin(overrides.api_base_url) !== origin(integration.api_base_url ?? "");
  return elsewhere && !sent && !overrides.auth_credentials && integration.has_credentials && integration.auth_type !== "none";
}

function good({ preview, response_time_ms: ms }) {
  return notice("good", h("strong", {}, t("trial.good", { count: preview?.count ?? 0, ms: number(ms) })));
}

function bad(trial) {
  // Its advice is in English and in the words of REST; ours is beside it.
  const reason = (trial.error ?? "").split(". What to do: ")[0];
  const facts = [trial.status_code ? t("trial.code", { code: trial.status_code }) : null, trial.response_time_ms === undefined || trial.response_time_ms === null ? null : t("trial.took", { ms: number(trial.response_time_ms) }), reason && t("trial.reason", { error: reason })];
  return notice(
    "bad",
    h("p", {}, h("strong", {}, t("trial.bad")), " ", t(`why.${why(trial)}`)),
    h("p", { class: "quiet long" }, facts.filter(Boolean).join(" · ")),
  );
}

function units(preview, desk) {
  const rows = preview.units.map((unit) => [
    h("span", { class: "long" }, unit.unit),
    h("span", { class: "long" }, quoted(unit.client_value)),
    unit.matched ? statusChip(unit.status) : h("span", { class: "not-mapped" }, t("trial.becomes", { status: statusName(unit.status) })),
  ]);
  return h(
    "div",
    {},
    h("div", { class: "preview", tabindex: "0", role: "region", "aria-label": t("trial.table") }, table(t("trial.table"), [t("trial.unit"), t("trial.word"), t("trial.status")], rows)),
    preview.count > preview.units.length ? h("p", { class: "quiet" }, t("trial.first", { shown: number(preview.units.length), count: number(preview.count) })) : null,
  );
}

/** Whatever the client sent, as text. */
function sample({ sample_data: data }) {
  if (data === null || data === undefined || data === "") return null;
  const text = typeof data === "string" ? data : JSON.stringify(data, null, 2);
  return h("details", { class: "fold" }, h("summary", {}, t("trial.sample")), h("pre", { class: "sample", tabindex: "0" }, text));
}
