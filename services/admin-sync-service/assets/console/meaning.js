// How a status looks, and the five buttons by which a person says what a word means: one press each.

import { h } from "./dom.js";
import { STATUSES } from "./mapping.js";
import { button } from "./parts.js";
import { learn, t, tOr } from "./words.js";

learn({
  en: {
    "status.available": "Available", "status.reserved": "Reserved", "status.sold": "Sold", "status.hidden": "Hidden", "status.unreleased": "Unreleased",
    "meaning.of": "Meaning of “{word}”", "meaning.blank": "(no status)", "meaning.proposed": "proposed",
  },
  pt: {
    "status.available": "Disponível", "status.reserved": "Reservado", "status.sold": "Vendido", "status.hidden": "Oculto", "status.unreleased": "A lançar",
    "meaning.of": "Significado de “{word}”", "meaning.blank": "(sem situação)", "meaning.proposed": "sugerido",
  },
});

export const statusName = (status) => tOr(`status.${status}`, status);

/** A status with its sign. */
export function statusChip(status) {
  return h("span", { class: `unit-status is-${status}` }, statusName(status));
}

/** A client's word, as it is. */
export const quoted = (word) => (word === "" ? h("em", { class: "quiet" }, t("meaning.blank")) : h("q", { class: "client-word" }, h("bdi", {}, word)));

/** A button for each status; `choose(status)` is called, the present one is marked, a proposed one is told. */
export function meaningButtons(word, choose, { present = null, proposed = null } = {}) {
  return h(
    "div",
    { class: "meanings", role: "group", "aria-label": t("meaning.of", { word: word || t("meaning.blank") }) },
    STATUSES.map((status) =>
      button(status === proposed ? [statusName(status), h("small", {}, t("meaning.proposed"))] : statusName(status), () => choose(status), {
        kind: `meaning unit-status is-${status}${status === proposed ? " is-proposed" : ""}`,
        "data-key": `${word}/${status}`,
        "aria-pressed": present ? String(status === present) : null,
      }),
    ),
  );
}
