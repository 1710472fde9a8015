// The languages of the console. Each page brings its words with `learn`; the browser's language decides, until the reader
// chooses. Both dictionaries of a page have the same keys: ci/console holds that.

const LANGUAGES = ["en", "pt"];
const known = { en: {}, pt: {} };
export let language = chosen() ?? preferred();
/** How numbers and days are written: as the browser's own variant of the language has it, where it has one. */
export let locale = variant();

/** `learn({en: {"runs.title": "Runs"}, pt: {…}})`; keys begin with the page's name. */
export function learn(words) {
  for (const language of LANGUAGES) Object.assign(known[language], words[language]);
}

/** What is written from right to left, and what says in which direction it is written. */
const TURNS = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
/** Those that hold until another one ends them. */
const LASTING = /[\u202a-\u202e\u2066-\u2069]/g;

/** A word of somebody else within a text of ours, which it shall not turn around. An element of its own, `bdi`, shows it as it is. */
export const within = (word) => (TURNS.test(word) ? `\u2068${word.replace(LASTING, "")}\u2069` : word);

/**
 * `t("runs.count", {n: 3})` puts 3 where the words say `{n}`; `{n|run|runs}` chooses by number. Numbers are written as the language
 * writes them; what is no amount (an id, a year) is given as text.
 */
export function t(key, values = {}) {
  const words = known[language][key] ?? known.en[key] ?? key;
  return words.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (_, name, one, many) => {
    if (one === undefined) return typeof values[name] === "number" ? new Intl.NumberFormat(locale).format(values[name]) : within(String(values[name] ?? ""));
    // The rules of Portuguese would have "0 registro", which nobody says.
    return Number(values[name]) === 1 ? one : many;
  });
}

/** The words of `key`, or `otherwise` where nobody has any: for states and codes that may be newer than this page. */
export function tOr(key, otherwise) {
  return known[language][key] ?? known.en[key] ?? otherwise;
}

export function speak(chosenLanguage) {
  language = chosenLanguage;
  locale = variant();
  localStorage.setItem("farol.language", chosenLanguage);
}

/** For the check that no page forgot a word. */
export function missing() {
  const keys = new Set(LANGUAGES.flatMap((language) => Object.keys(known[language])));
  return [...keys].flatMap((key) => LANGUAGES.filter((language) => !(key in known[language])).map((language) => `${language} ${key}`));
}

function chosen() {
  const stored = localStorage.getItem("farol.language");
  return LANGUAGES.includes(stored) ? stored : null;
}

function preferred() {
  return navigator.language.toLowerCase().startsWith("pt") ? "pt" : "en";
}

function variant() {
  return navigator.languages.find((name) => name.toLowerCase().split("-")[0] === language) ?? language;
}
