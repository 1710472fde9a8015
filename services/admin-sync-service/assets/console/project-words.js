// What a client's words mean: those that nothing maps, each with five buttons; the words of each status; and what becomes of
// the rest. A choice is stored at once and can be taken back.

import { post } from "./api.js";
import { announce, fill, h, refresh } from "./dom.js";
import { ago, number } from "./format.js";
import { BUILTIN, MOST_LETTERS, STATUSES, ambiguous, canonical, listedUnder, lists, meaning, proposal } from "./mapping.js";
import { meaningButtons, quoted, statusChip, statusName } from "./meaning.js";
import { busy, button, explain, field, notice } from "./parts.js";
import { EFFECT_SECONDS, isStale } from "./project-desk.js";
import { learn, t, within } from "./words.js";

learn({
  en: {
    "map.open": "Words without a meaning", "map.open.why": "Say what each of them means: it is stored at once. Until then units with such a word are “{status}”.",
    "map.units": "{n} {n|unit|units}, e.g. {example}", "map.since": "first seen {first}, last {last}", "map.all": "Take all {n} proposals",
    "map.blank": "These units come without a status. No word can be mapped for them: see “All other words” below.",
    "map.cut": "This value is longer than {n} characters and cannot be mapped here.",
    "map.title": "Words and statuses", "map.why": "Capitals, spaces, - and _ do not matter. A word of yours counts more than a built-in one.",
    "map.builtin": "Built in: {words}", "map.add": "Word …", "map.add.to": "New word for {status}", "map.add.go": "Add",
    "map.none": "None of your own.", "map.chip": "“{word}” is {status}. Move or remove", "map.remove": "Remove",
    "map.done": "“{word}” is {status} now.", "map.done.many": "{n} {n|word has|words have} a meaning now.", "map.gone": "“{word}” is no longer listed.",
    "map.effect": "Viewers see it within {n} s.", "map.undo": "Undo", "map.undone": "Taken back.",
    "map.taken": "“{word}” is already {status}.", "map.there": "Move it here", "map.known": "“{word}” means {status} by itself; no need to add it.",
    "map.ambiguous": "These words are listed under more than one status, so their lists do not count: {words}. Choose one meaning for each.",
    "map.rest": "All other words", "map.rest.why": "What a unit is when nothing knows its word. “Hidden” is the cautious choice: it is not shown. “Available” offers it for sale.",
    "map.rest.default": "As the service does: {status}", "map.rest.save": "Store", "map.rest.done": "All other words are {status} now.",
    "map.ask": "What would a word mean?", "map.ask.word": "A word of the client", "map.ask.go": "Ask",
    "map.ask.is": "“{word}” is {status}.", "map.ask.not": "Nothing maps “{word}”: it becomes {status}.",
    "map.stale": "Somebody else has changed this integration meanwhile. What is stored is shown now; choose again.",
  },
  pt: {
    "map.open": "Palavras sem significado", "map.open.why": "Diga o que cada uma significa: é guardado na hora. Até lá, unidades com essa palavra ficam “{status}”.",
    "map.units": "{n} {n|unidade|unidades}, p. ex. {example}", "map.since": "vista primeiro {first}, por último {last}", "map.all": "Aceitar todas as {n} sugestões",
    "map.blank": "Estas unidades vêm sem situação. Não há palavra para mapear: veja “Todas as outras palavras” abaixo.",
    "map.cut": "Este valor tem mais de {n} caracteres e não pode ser mapeado aqui.",
    "map.title": "Palavras e situações", "map.why": "Maiúsculas, espaços, - e _ não importam. Uma palavra sua vale mais que uma embutida.",
    "map.builtin": "Embutidas: {words}", "map.add": "Palavra …", "map.add.to": "Nova palavra para {status}", "map.add.go": "Adicionar",
    "map.none": "Nenhuma própria.", "map.chip": "“{word}” é {status}. Mover ou remover", "map.remove": "Remover",
    "map.done": "“{word}” agora é {status}.", "map.done.many": "{n} {n|palavra agora tem|palavras agora têm} significado.", "map.gone": "“{word}” não está mais na lista.",
    "map.effect": "Os visitantes veem em até {n} s.", "map.undo": "Desfazer", "map.undone": "Desfeito.",
    "map.taken": "“{word}” já é {status}.", "map.there": "Mover para cá", "map.known": "“{word}” já significa {status} por si; não é preciso adicionar.",
    "map.ambiguous": "Estas palavras estão em mais de uma situação, por isso suas listas não valem: {words}. Escolha um significado para cada uma.",
    "map.rest": "Todas as outras palavras", "map.rest.why": "O que uma unidade é quando nada conhece sua palavra. “Oculto” é a escolha cautelosa: não aparece. “Disponível” a põe à venda.",
    "map.rest.default": "Como o serviço faz: {status}", "map.rest.save": "Guardar", "map.rest.done": "Todas as outras palavras agora são {status}.",
    "map.ask": "O que significaria uma palavra?", "map.ask.word": "Uma palavra do cliente", "map.ask.go": "Perguntar",
    "map.ask.is": "“{word}” é {status}.", "map.ask.not": "Nada mapeia “{word}”: vira {status}.",
    "map.stale": "Outra pessoa mudou esta integração nesse meio-tempo. Agora aparece o que está guardado; escolha de novo.",
  },
});

/** The two cards: `open`, hidden where every word has a meaning and nothing was just said, and `words`. */
export function wordCards(desk) {
  return { open: openCard(desk), words: wordsCard(desk) };
}

/** Stores meanings and says so where the person looks, with a way back. */
function clerk(desk, id) {
  const said = h("div", { role: "status", tabindex: "-1", id });

  async function store(meanings, text) {
    try {
      const before = await desk.map(meanings);
      fill(said, h("div", { class: "notice is-good" }, h("p", {}, `${text} ${t("map.effect", { n: EFFECT_SECONDS })}`), button(t("map.undo"), () => takeBack(before), { id: `${id}-undo` })));
      // The button that was pressed is gone with its word.
      if (document.activeElement === document.body) said.focus({ preventScroll: true });
    } catch (error) {
      await failed(error);
    }
  }
  async function takeBack(before) {
    try {
      await desk.save({ status_mapping: lists(before) });
      fill(said, notice("good", t("map.undone")));
      await desk.again();
    } catch (error) {
      await failed(error);
    }
  }
  async function failed(error) {
    if (isStale(error)) await desk.reread();
    fill(said, notice("bad", isStale(error) ? t("map.stale") : explain(error)));
  }
  const choose = (word, status) => store([[word, status]], status ? t("map.done", { word, status: statusName(status) }) : t("map.gone", { word }));
  return { said, store, choose, failed };
}

/** From the last test and from what viewers get now; one entry for all spellings of a word. */
function unmapped(desk) {
  const { status_mapping: mapping } = desk.integration;
  const found = new Map();
  const told = [...(desk.project.live?.unmapped ?? []), ...(desk.trial?.preview?.unmapped ?? [])];
  // A blank one is none that a mapping could know; the others are asked about until the stored mapping knows them.
  for (const entry of told)
    if (canonical(entry.value) === "" || meaning(mapping, entry.value) === null)
      found.set(canonical(entry.value), { ...found.get(canonical(entry.value)), ...entry });
  return [...found.values()].sort((a, b) => b.count - a.count);
}

function openCard(desk) {
  const { said, store, choose } = clerk(desk, "mapped");
  const list = h("ul", { class: "open-words" });
  const why = h("p", { class: "quiet" });
  const all = button("", () => takeAll(), { kind: "strong", id: "take-proposals" });
  const card = h("section", { class: "card stack open-card", id: "unmapped", hidden: true, "aria-labelledby": "unmapped-title" }, h("h2", { id: "unmapped-title" }, t("map.open")), why, list, h("div", { class: "actions" }, all));
  const proposed = () => unmapped(desk).map(({ value }) => [value, proposal(value)]).filter(([value, status]) => status && !isCut(value));

  function takeAll() {
    const meanings = proposed();
    return store(meanings, t("map.done.many", { n: meanings.length }));
  }
  function draw() {
    const words = unmapped(desk);
    card.hidden = !words.length;
    why.textContent = t("map.open.why", { status: statusName(desk.unmappedStatus) });
    refresh(list, h("ul", { class: "open-words" }, words.map((entry) => openWord(entry, choose))));
    all.hidden = proposed().length < 2;
    all.textContent = t("map.all", { n: proposed().length });
  }
  desk.listen(draw);
  return [said, card];
}

const isCut = (value) => [...value].length >= MOST_LETTERS;

function openWord({ value, count, example, first_seen: first, last_seen: last }, choose) {
  const seen = first ? t("map.since", { first: ago(first), last: ago(last) }) : null;
  const no = value === "" ? t("map.blank") : isCut(value) ? t("map.cut", { n: MOST_LETTERS }) : null;
  return h(
    "li",
    { "data-key": canonical(value) || "blank" },
    h("div", { class: "open-word" }, quoted(value), h("span", { class: "quiet long" }, [t("map.units", { n: number(count), example }), seen].filter(Boolean).join(" · "))),
    no ? h("p", { class: "quiet" }, no) : meaningButtons(value, (status) => choose(value, status), { proposed: proposal(value) }),
  );
}

function wordsCard(desk) {
  const { said, choose, failed } = clerk(desk, "words-said");
  const columns = h("div", { class: "word-columns" });
  const doubtful = h("div", {});
  const draw = (what) => {
    if (what === "project" || what === "trial") return;
    const unclear = ambiguous(desk.integration.status_mapping);
    fill(doubtful, unclear.size ? notice("warn", t("map.ambiguous", { words: [...unclear.keys()].map((word) => `“${word}”`).join(", ") })) : null);
    const active = columns.contains(document.activeElement) ? document.activeElement.id : "";
    fill(columns, STATUSES.map((status) => column(desk, status, choose)));
    if (active) document.getElementById(active)?.focus();
  };
  desk.listen(draw);
  return h(
    "section",
    { class: "card stack", id: "words", "aria-labelledby": "words-title" },
    h("h2", { id: "words-title" }, t("map.title")),
    h("p", { class: "quiet" }, t("map.why")),
    doubtful,
    said,
    columns,
    h("div", { class: "columns" }, rest(desk, failed, said), oracle(desk)),
  );
}

function column(desk, status, choose) {
  const place = h("div", {});
  const words = lists(desk.integration.status_mapping)[status];
  const chips = words.map((word) => chip(word, status, choose));
  return h(
    "div",
    { class: "word-column", role: "group", "aria-label": statusName(status) },
    statusChip(status),
    words.length ? h("ul", { class: "word-chips" }, chips) : h("p", { class: "quiet" }, t("map.none")),
    adder(desk, status, place, choose),
    place,
    h("p", { class: "quiet" }, t("map.builtin", { words: BUILTIN[status].join(", ") })),
  );
}

/** A word, which opens to the buttons that move it or take it away. */
function chip(word, status, choose) {
  const opened = h("div", { class: "chip-moves", hidden: true });
  const made = h("button", { type: "button", class: "chip", "aria-expanded": "false", "aria-label": t("map.chip", { word, status: statusName(status) }) }, h("bdi", { class: "long" }, word));
  made.addEventListener("click", () => {
    opened.hidden = !opened.hidden;
    made.setAttribute("aria-expanded", String(!opened.hidden));
    if (!opened.childElementCount)
      fill(opened, meaningButtons(word, (other) => other !== status && choose(word, other), { present: status }), button(t("map.remove"), () => choose(word, null), { kind: "danger", "aria-label": `${t("map.remove")}: ${within(word)}` }));
  });
  return h("li", {}, made, opened);
}

function adder(desk, status, place, choose) {
  const id = `add-${status}`;
  const input = h("input", { id, "aria-label": t("map.add.to", { status: statusName(status) }), placeholder: t("map.add"), maxlength: "200", autocomplete: "off", autocapitalize: "none" });
  const go = h("button", { class: "plain", "aria-label": `${t("map.add.go")}: ${statusName(status)}` }, "+");
  const form = h("form", { class: "adder" }, input, go);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const word = input.value.trim();
    if (!word) return;
    const mapping = desk.integration.status_mapping;
    const listed = listedUnder(mapping, word);
    const builtin = listedUnder(BUILTIN, word);
    const clear = listed ?? (builtin === status ? builtin : null);
    const add = () => choose(word, status);
    if (listed === status || (clear && !listed)) fill(place, notice("warn", t(listed ? "map.taken" : "map.known", { word, status: statusName(clear) })));
    else if (listed) fill(place, notice("warn", t("map.taken", { word, status: statusName(listed) }), " ", button(t("map.there"), add)));
    else busy(go, add);
    if (place.textContent) announce(place.textContent);
  });
  return form;
}

/** What becomes of words that nobody knows. */
function rest(desk, failed, said) {
  const select = h("select", { name: "unmapped_status" });
  const save = button(t("map.rest.save"), async () => {
    try {
      await desk.save({ unmapped_status: select.value || null });
      fill(said, notice("good", `${t("map.rest.done", { status: statusName(desk.unmappedStatus) })} ${t("map.effect", { n: EFFECT_SECONDS })}`));
      await desk.again();
    } catch (error) {
      await failed(error);
    }
  }, { id: "store-unmapped-status" });
  desk.listen((what) => {
    if (what === "project" || what === "trial") return;
    fill(select, h("option", { value: "" }, t("map.rest.default", { status: statusName(desk.session.unmapped_status) })), STATUSES.map((status) => h("option", { value: status }, statusName(status))));
    select.value = desk.integration.unmapped_status ?? "";
  });
  return h("div", { class: "stack" }, field(t("map.rest"), select, { hint: t("map.rest.why") }), h("div", { class: "actions" }, save));
}

/** Asks the service what it would make of a word. */
function oracle(desk) {
  const input = h("input", { name: "asked_word", autocomplete: "off", autocapitalize: "none", maxlength: "200", placeholder: t("map.ask.word") });
  const answer = h("div", { role: "status" });
  const go = h("button", { class: "plain" }, t("map.ask.go"));
  const form = h("form", { class: "stack" }, field(t("map.ask"), input), h("div", { class: "actions" }, go), answer);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const word = input.value;
    busy(go, async () => {
      try {
        const told = await post(`${desk.path}/integration/map-status?client_status=${encodeURIComponent(word)}`);
        fill(answer, h("p", {}, t(told.matched ? "map.ask.is" : "map.ask.not", { word, status: statusName(told.canonical_status) })));
      } catch (error) {
        fill(answer, notice("bad", explain(error)));
      }
    });
  });
  return form;
}
