// Numbers, times and durations as people read them, in the reader's language and the service's time zone.

import { language, t } from "./words.js";

let zone = "America/Sao_Paulo";

export function useZone(name) {
  zone = name;
}

export const number = (value) => (value === null || value === undefined ? "–" : new Intl.NumberFormat(language).format(value));

/** `value` is 0 to 1. */
export const percent = (value, digits = 0) =>
  value === null || value === undefined
    ? "–"
    : new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits }).format(value);

/** Day and time of an RFC 3339 text. */
export function when(text) {
  return text ? new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", timeZone: zone }).format(new Date(text)) : "–";
}

/** `2026-11-27`, as the day it is and not as an instant. */
export function day(text) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(`${text}T00:00:00Z`));
}

/** Today in the service's zone, as `2026-11-27`, and days around it. */
export function today(offset = 0) {
  const now = new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(new Date());
  return shifted(now, offset);
}

export function shifted(text, days) {
  const date = new Date(`${text}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}

/** Seconds as `1 h 5 min`; at most two units. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const total = Math.max(0, Math.round(seconds));
  const units = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => total >= size);
  if (first < 0) return seconds > 0 ? "< 1 s" : "0 s";
  const parts = [];
  let left = total;
  for (const [unit, size] of units.slice(first, first + 2)) {
    const whole = Math.floor(left / size);
    left -= whole * size;
    if (whole > 0) parts.push(`${number(whole)} ${unit}`);
  }
  return parts.join(" ");
}

/** How long ago an RFC 3339 text was. */
export function ago(text) {
  if (!text) return t("never");
  return t("ago", { span: duration((Date.now() - new Date(text)) / 1000) });
}
