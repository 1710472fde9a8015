// What the page says, in English and Portuguese, and how it writes times and ages.
// Texts that stand in the HTML in English carry data-say="key" and are replaced by `translate`.

const ENGLISH = {
  available: "Available",
  reserved: "Reserved",
  sold: "Sold",
  hidden: "Hidden",
  unreleased: "Unreleased",

  skip: "Skip to the units",
  subtitle: "Unit status, live",
  statuses: "Statuses",
  showAll: "Show all",
  onlyShown: "Showing {shown} of {total} units",
  units: "{n} units",
  oneUnit: "1 unit",
  latest: "Latest changes",
  latestNone: "None since you opened this page.",
  latestMore: "and {n} more",
  appeared: "new",
  removed: "removed",
  board: "Units",
  otherUnits: "Other units",
  loading: "Loading units…",
  noUnits: "No units to show yet",
  noUnitsWhy: "They appear here by themselves as soon as the source tells about them.",

  connecting: "Connecting…",
  live: "Live",
  stale: "Stale",
  staleSince: "Stale since {time}",
  staleWhy: "The source does not answer. You see what it said last.",
  unknown: "Unknown",
  unknownWhy: "The source has not answered yet.",
  reconnecting: "Reconnecting…",
  reconnectingWhy: "You see what was last received.",
  nextTry: "Next try in {n} s. You see what was last received.",
  tryingNow: "Trying now…",
  noData: "no data yet",
  age: "data {age} old",

  notFound: "We cannot find this project",
  notFoundWhy: "It does not exist or is not published. Check the address for a typing mistake.",
  inactive: "This project is no longer published",
  inactiveWhy: "Its statuses are not shown any more. If it is published again, reload this page.",
  reload: "Reload",

  changed: "{ref}: {status}",
  manyChanged: "{n} units changed. {list}",
  countOf: "{n} {status}",

  projects: "Projects",
  projectsWhy: "Choose a project to see its units change live.",
  loadingProjects: "Loading projects…",
  noProjects: "No project is published yet",
  listFailed: "The list of projects cannot be loaded now",
  availableOf: "{n} of {total} available",
};

const PORTUGUESE = {
  available: "Disponível",
  reserved: "Reservado",
  sold: "Vendido",
  hidden: "Oculto",
  unreleased: "A lançar",

  skip: "Ir para as unidades",
  subtitle: "Situação das unidades, ao vivo",
  statuses: "Situações",
  showAll: "Mostrar todas",
  onlyShown: "Mostrando {shown} de {total} unidades",
  units: "{n} unidades",
  oneUnit: "1 unidade",
  latest: "Últimas mudanças",
  latestNone: "Nenhuma desde que você abriu esta página.",
  latestMore: "e mais {n}",
  appeared: "nova",
  removed: "removida",
  board: "Unidades",
  otherUnits: "Outras unidades",
  loading: "Carregando unidades…",
  noUnits: "Ainda não há unidades",
  noUnitsWhy: "Elas aparecem aqui sozinhas assim que a fonte as informar.",

  connecting: "Conectando…",
  live: "Ao vivo",
  stale: "Desatualizado",
  staleSince: "Desatualizado desde {time}",
  staleWhy: "A fonte não responde. Você vê o que ela disse por último.",
  unknown: "Desconhecido",
  unknownWhy: "A fonte ainda não respondeu.",
  reconnecting: "Reconectando…",
  reconnectingWhy: "Você vê o que foi recebido por último.",
  nextTry: "Próxima tentativa em {n} s. Você vê o que foi recebido por último.",
  tryingNow: "Tentando agora…",
  noData: "ainda sem dados",
  age: "dados de há {age}",

  notFound: "Não encontramos este projeto",
  notFoundWhy: "Ele não existe ou não está publicado. Confira se o endereço está correto.",
  inactive: "Este projeto não está mais publicado",
  inactiveWhy: "A situação dele não é mais mostrada. Se voltar a ser publicado, recarregue esta página.",
  reload: "Recarregar",

  changed: "{ref}: {status}",
  manyChanged: "{n} unidades mudaram. {list}",
  countOf: "{n} {status}",

  projects: "Projetos",
  projectsWhy: "Escolha um projeto para ver suas unidades mudarem ao vivo.",
  loadingProjects: "Carregando projetos…",
  noProjects: "Nenhum projeto publicado ainda",
  listFailed: "A lista de projetos não pode ser carregada agora",
  availableOf: "{n} de {total} disponíveis",
};

const BOOKS = { en: ENGLISH, pt: PORTUGUESE };

/** The tag of the first language that the reader prefers and the page has. */
const language = navigator.languages.find((tag) => tag.slice(0, 2) in BOOKS) ?? "en";
const book = BOOKS[language.slice(0, 2)];

const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const clock = new Intl.DateTimeFormat(language, TIME);
const calendar = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", ...TIME });
const number = new Intl.NumberFormat(language);

/** The text of a key, with {names} filled from `values`; numbers are written the reader's way. */
export function say(key, values = {}) {
  return book[key].replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? number.format(value) : value;
  });
}

/** A count, grouped as the reader does: "3,000". */
export const sayNumber = (n) => number.format(n);

/** "200 units", "1 unit". */
export const sayUnits = (n) => (n === 1 ? say("oneUnit") : say("units", { n }));

/** Time of day, with the date where it is not of today; from ms since 1970. */
export function sayTime(ms) {
  const today = new Date(ms).toDateString() === new Date().toDateString();
  return (today ? clock : calendar).format(ms);
}

/** A duration in its largest sensible unit: "12 s", "3 min", "2 h", "4 d". */
export function sayAge(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Puts the reader's language into a freshly loaded page. */
export function translate(root) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
}

/** "downtown-heights" reads as "Downtown Heights": streams carry the slug only. */
export function titleOf(slug) {
  return slug
    .split("-")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(" ");
}
