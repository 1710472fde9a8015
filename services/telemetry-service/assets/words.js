// What the page says, in English and Portuguese, and how it writes times, ages and numbers.
// Texts that stand in the HTML in English carry data-say="key" and are replaced by `translate`.

const ENGLISH = {
  skip: "Skip to the devices",
  subtitle: "Devices and alerts, live",
  titleOf: "{tenant} · Farol",

  connecting: "Connecting…",
  live: "Live",
  staleSince: "Stale since {time}",
  staleWhy: "The source does not answer. You see what it said last.",
  reconnecting: "Reconnecting…",
  nextTry: "Next try in {n} s. You see what was last received.",
  tryingNow: "Trying now. You see what was last received.",
  crowded: "Too many viewers of this tenant are connected.",
  later: "The service asks for a moment; your token is kept.",
  expired: "Token expired",
  expiredWhy: "Nothing is updated until you give a new one.",
  refused: "Token not accepted",
  refusedWhy: "It is damaged, expired or of another issuer.",
  forbidden: "Not allowed",
  forbiddenWhy: "This token has no tenant, or no role that may look at one.",
  noToken: "No token",
  noTokenWhy: "Give an access token to see the devices of its tenant.",

  keyNone: "No token yet",
  keyOf: "Token of {tenant}, good until {time}",
  keyLabel: "Access token",
  keyHelp: "It stays in this tab and is never put into an address.",
  keyUse: "Use it",
  keyForget: "Forget it",
  keyEnds: "Your token ends at {time}. Give a new one to stay connected.",
  keyRenewed: "Renewed.",
  keyOther: "The new token was not accepted: {message}",

  alerts: "Open alerts",
  alertsWait: "Not known yet.",
  alertsNone: "None. New ones appear here by themselves.",
  alertsSome: "The newest {shown} of {total}",
  alertOpened: "Alert opened: {what}",
  alertClosed: "Alert closed: {what}",
  critical: "Critical",
  high: "High",
  medium: "Medium",
  low: "Low",
  severity: "Severity {n}",
  confidence: "{n} % sure",
  sinceAge: "since {time}, {age}",

  devices: "Devices",
  devicesWait: "Not known yet.",
  devicesNone: "This tenant has no devices.",
  devicesFirst: "These are the first {n} devices.",
  devicesFailed: "The list of devices cannot be loaded now; trying again.",
  online: "Online",
  stale: "Stale",
  offline: "Offline",
  ago: "{age} ago",
  noReading: "no reading yet",
  trend: "{name}: from {from} to {to} in the last {n} readings, lowest {low}, highest {high}",
};

const PORTUGUESE = {
  skip: "Ir para os dispositivos",
  subtitle: "Dispositivos e alertas, ao vivo",
  titleOf: "{tenant} · Farol",

  connecting: "Conectando…",
  live: "Ao vivo",
  staleSince: "Desatualizado desde {time}",
  staleWhy: "A fonte não responde. Você vê o que ela disse por último.",
  reconnecting: "Reconectando…",
  nextTry: "Próxima tentativa em {n} s. Você vê o que foi recebido por último.",
  tryingNow: "Tentando agora. Você vê o que foi recebido por último.",
  crowded: "Há espectadores demais deste cliente conectados.",
  later: "O serviço pede um momento; seu token é mantido.",
  expired: "Token expirado",
  expiredWhy: "Nada é atualizado até você informar um novo.",
  refused: "Token não aceito",
  refusedWhy: "Está danificado, expirado ou é de outro emissor.",
  forbidden: "Não permitido",
  forbiddenWhy: "Este token não tem cliente, ou não tem um papel que possa vê-lo.",
  noToken: "Sem token",
  noTokenWhy: "Informe um token de acesso para ver os dispositivos do cliente.",

  keyNone: "Nenhum token ainda",
  keyOf: "Token de {tenant}, válido até {time}",
  keyLabel: "Token de acesso",
  keyHelp: "Ele fica nesta aba e nunca é posto em um endereço.",
  keyUse: "Usar",
  keyForget: "Esquecer",
  keyEnds: "Seu token termina às {time}. Informe um novo para continuar conectado.",
  keyRenewed: "Renovado.",
  keyOther: "O novo token não foi aceito: {message}",

  alerts: "Alertas abertos",
  alertsWait: "Ainda não se sabe.",
  alertsNone: "Nenhum. Novos aparecem aqui sozinhos.",
  alertsSome: "Os {shown} mais recentes de {total}",
  alertOpened: "Alerta aberto: {what}",
  alertClosed: "Alerta encerrado: {what}",
  critical: "Crítico",
  high: "Alto",
  medium: "Médio",
  low: "Baixo",
  severity: "Severidade {n}",
  confidence: "{n} % de certeza",
  sinceAge: "desde {time}, {age}",

  devices: "Dispositivos",
  devicesWait: "Ainda não se sabe.",
  devicesNone: "Este cliente não tem dispositivos.",
  devicesFirst: "Estes são os primeiros {n} dispositivos.",
  devicesFailed: "A lista de dispositivos não pode ser carregada agora; tentando de novo.",
  online: "Conectado",
  stale: "Desatualizado",
  offline: "Desconectado",
  ago: "há {age}",
  noReading: "ainda sem leitura",
  trend: "{name}: de {from} a {to} nas últimas {n} leituras, menor {low}, maior {high}",
};

const BOOKS = { en: ENGLISH, pt: PORTUGUESE };

/** The tag of the first language that the reader prefers and the page has. */
const language = navigator.languages.find((tag) => tag.slice(0, 2) in BOOKS) ?? "en";
const book = BOOKS[language.slice(0, 2)];

const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const clock = new Intl.DateTimeFormat(language, TIME);
const calendar = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", ...TIME });
const number = new Intl.NumberFormat(language, { maximumSignificantDigits: 6 });

/** The text of a key, with {names} filled from `values`; numbers are written the reader's way. */
export function say(key, values = {}) {
  return book[key].replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? number.format(value) : value;
  });
}

/** A word of somebody else, which turns nothing around it, whatever direction it is written in. */
export function foreign(word) {
  const element = document.createElement("bdi");
  element.textContent = word;
  return element;
}

/** A number the reader's way, to six digits. */
export const sayNumber = (n) => number.format(n);

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
