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

/**
 * `t("runs.count", {n: 3})` puts 3 where the words say `{n}`; `{n|run|runs}` chooses by number. Numbers are written as the language
 * writes them; what is no amount (an id, a year) is given as text.
 */
export function t(key, values = {}) {
  const words = known[language][key] ?? known.en[key] ?? key;
  return words.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (_, name, one, many) => {
    if (one === undefined) return typeof values[name] === "number" ? new Intl.NumberFormat(locale).format(values[name]) : (values[name] ?? "");
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
