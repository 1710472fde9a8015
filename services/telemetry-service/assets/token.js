// Keeps the reader's token: in memory and in this tab's session storage, nowhere else. What it says of itself is only
// shown; whether it holds is for the service to judge.

const KEPT_AS = "farol-token";
/** What a Date can hold. */
const LAST_SECOND = 8.64e12;

/** A token that came as `#token=…`; it is taken out of the address bar and the history before anything else runs. */
function fromAddress() {
  const told = new URLSearchParams(location.hash.slice(1)).get("token");
  if (told !== null) history.replaceState(null, "", location.pathname + location.search);
  return told?.trim() || null;
}

/** A browser that forbids storage keeps the token in memory: a reload asks for it again. */
function stored(act) {
  try {
    return act(sessionStorage);
  } catch {
    return null;
  }
}

export class Token {
  #text = fromAddress() ?? stored((storage) => storage.getItem(KEPT_AS));

  constructor() {
    if (this.#text) this.keep(this.#text);
  }

  /** @returns {string|null} */
  get text() {
    return this.#text;
  }

  keep(text) {
    this.#text = text;
    stored((storage) => storage.setItem(KEPT_AS, text));
  }

  forget() {
    this.#text = null;
    stored((storage) => storage.removeItem(KEPT_AS));
  }

  /** @returns {string} the tenant that it names, or nothing */
  get tenant() {
    return tenantOf(this.#text);
  }

  /** @returns {number|null} its end, ms since 1970 */
  get expiresAt() {
    const { exp } = claims(this.#text);
    return Number.isFinite(exp) && Math.abs(exp) <= LAST_SECOND ? exp * 1000 : null;
  }

  get isOver() {
    return this.expiresAt !== null && this.expiresAt <= Date.now();
  }
}

/** @returns {string} the tenant that a token names, or nothing */
export function tenantOf(text) {
  const { tenant_id: tenant, organization } = claims(text);
  if (tenant) return String(tenant);
  if (typeof organization === "string") return organization;
  return String(Array.isArray(organization) ? (organization[0] ?? "") : (Object.keys(organization ?? {})[0] ?? ""));
}

function claims(text) {
  try {
    const base64 = text.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}
