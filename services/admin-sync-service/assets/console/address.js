// The address of a client API as people have it, in one line, and as it is stored, in two; what a new project may be called
// by it. Pure.

const MOST_ENDPOINT = 255;
/** Parts of paths that say nothing about whose units they are. */
const GENERIC = /^(v?\d+(\.\d+)*|api|rest|json|public|units?|unidades|status(es)?|list|all|inventory|availability|espelho|data|index|index\.\w+|www)$/i;

/** `{api_base_url, status_endpoint}` of the whole address; cut where `base`, the stored one, is cut, if that still fits. */
export function split(text, base = "") {
  const whole = text.trim().replace(/#.*$/, "");
  const kept = base.trim().replace(/\/+$/, "");
  if (kept && whole.startsWith(`${kept}/`)) return { api_base_url: kept, status_endpoint: whole.slice(kept.length) };
  const found = whole.match(/^([a-z][a-z0-9+.-]*:\/\/[^/?]*)(.*)$/i);
  if (!found) return { api_base_url: whole, status_endpoint: "" };
  const path = found[2].startsWith("/") ? found[2] : `/${found[2]}`;
  const at = path.length > MOST_ENDPOINT ? Math.max(0, path.indexOf("/", path.length - MOST_ENDPOINT)) : 0;
  return { api_base_url: found[1] + path.slice(0, at), status_endpoint: path.slice(at) };
}

/** The whole address of the two. */
export function joined({ api_base_url: base, status_endpoint: endpoint }) {
  return `${(base ?? "").trim().replace(/\/+$/, "")}${(endpoint ?? "").trim()}`;
}

/** Scheme, host and port; null where the text is no address. */
export function origin(text) {
  const url = parsed(text);
  return url && url.host ? url.origin : null;
}

/** The key of what is wrong with an address, or null. */
export function wrongAddress(text) {
  const url = parsed(text);
  if (!url || !url.host) return "form.address.none";
  if (!/^https?:$/.test(url.protocol)) return "form.address.scheme";
  if (url.username || url.password) return "form.address.secret";
  return null;
}

/** `https://api.builder.example/v1/garden-court/units` is Garden Court; "" where there is nothing to go by. */
export function nameOf(text) {
  const url = parsed(text);
  if (!url || !url.host) return "";
  const parts = url.pathname.split("/").map(decoded).filter((part) => part && !GENERIC.test(part));
  const host = /^[\d.]+$|^\[|^localhost$/.test(url.hostname) ? [] : url.hostname.split(".").filter((part) => !GENERIC.test(part));
  const told = parts.at(-1) ?? host[0] ?? "";
  return told
    .replace(/\.\w{2,4}$/, "")
    .split(/[-_\s]+/)
    .filter(Boolean)
    .map((word) => word[0].toUpperCase() + word.slice(1))
    .join(" ")
    .slice(0, 100);
}

/** The name in the letters of a slug. */
export function slugOf(name) {
  const plain = name.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  const led = /^[a-z]/.test(plain) || !plain ? plain : `p-${plain}`;
  return led.slice(0, 100).replace(/-+$/, "");
}

export const isSlug = (text) => /^[a-z][a-z0-9-]{1,99}$/.test(text);

function parsed(text) {
  try {
    return new URL(text.trim());
  } catch {
    return null;
  }
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
