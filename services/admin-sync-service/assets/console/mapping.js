// Words of client APIs and the five statuses: the same rules as the services have (docs/API.md, "Statuses"), so that a page
// can say what a word means before it asks, and can propose a meaning. Pure.

export const STATUSES = ["available", "reserved", "sold", "hidden", "unreleased"];

/** What is known without any configuration. */
export const BUILTIN = {
  available: ["available", "open", "free", "for sale"],
  reserved: ["reserved", "held", "hold", "on hold", "pending"],
  sold: ["sold", "purchased", "closed"],
  hidden: ["hidden", "disabled", "inactive", "unavailable", "not for sale", "blocked", "maintenance"],
  unreleased: ["unreleased", "coming soon", "future"],
};

/** Values are told to us cut to so many letters: one as long as this may not be whole. */
export const MOST_LETTERS = 100;

/** The form in which words are compared. */
export const canonical = (word) => word.trim().toLowerCase().replace(/[\s\-_]+/g, "_");

/** `stored` as lists of texts under the five statuses, whatever it is. */
export function lists(stored) {
  const texts = (list) => (Array.isArray(list) ? list.filter((word) => typeof word === "string" && word.trim()) : []);
  return Object.fromEntries(STATUSES.map((status) => [status, texts(stored?.[status])]));
}

/** The status whose list has the word; null where none has. */
export function listedUnder(stored, word) {
  const wanted = canonical(word);
  return STATUSES.find((status) => lists(stored)[status].some((known) => canonical(known) === wanted)) ?? null;
}

/** What the word means: its own list first, then what everybody knows; null = unmapped. */
export function meaning(stored, word) {
  const own = ambiguous(stored).has(canonical(word)) ? null : listedUnder(stored, word);
  return own ?? listedUnder(BUILTIN, word);
}

/** Words under two statuses or more: of those, none counts. By canonical form, with the statuses. */
export function ambiguous(stored) {
  const claims = new Map();
  for (const [status, words] of Object.entries(lists(stored)))
    for (const word of words) claims.set(canonical(word), (claims.get(canonical(word)) ?? new Set()).add(status));
  return new Map([...claims].filter(([, statuses]) => statuses.size > 1).map(([word, statuses]) => [word, [...statuses]]));
}

/** `stored` with the words under one status each and nowhere else; with null, under none. `meanings`: `[[word, status]]`. */
export function mapped(stored, meanings) {
  const moved = new Set(meanings.map(([word]) => canonical(word)));
  const left = lists(stored);
  for (const status of STATUSES) left[status] = left[status].filter((word) => !moved.has(canonical(word)));
  for (const [word, status] of meanings) if (status) left[status].push(word.trim());
  return Object.fromEntries(Object.entries(left).filter(([, words]) => words.length));
}

/** The first that fits counts: "indisponível" must be found before "disponível". */
const HINTS = [
  ["hidden", /^(nao|not|no)_(dispon|avail|libre|comerc|for_sale)|indispon|unavail|ocult|hidden|bloque|block|inativ|inactiv|suspen|retirad|withdrawn|off_market|fora_de_venda|manuten/],
  ["unreleased", /breve|futur|lancar|nao_lancad|pre_?lanc|lancamento|not_released|unreleased|planned|planejad|proximamente|soon|upcoming/],
  ["reserved", /reserv|negocia|analise|proposta|under_(offer|contract)|option|opcao|booked|hold|apartad|deposit|sinal|pend(ing|ente)/],
  ["sold", /vendid|^sold|_sold$|quitad|comercializad|escritura|contratad|purchas|bought|closed|fechad/],
  ["available", /^dispon|^avail|livre|libre|a_venda|en_venta|^vag[oa]|vacan|liberad|^free|^open|abert|for_sale|on_sale|on_market/],
];

/** A guess at what a word means, for a person to agree to; null where there is none. */
export function proposal(word) {
  const plain = canonical(word).normalize("NFD").replace(/\p{M}/gu, "");
  return HINTS.find(([, hint]) => hint.test(plain))?.[0] ?? null;
}
