// Numbers, times and durations as people read them, in the reader's language and the service's time zone.

import { now } from "./clock.js";
import { locale, t } from "./words.js";

let zone = "America/Sao_Paulo";

export function useZone(name) {
  zone = name;
}

export const number = (value) => (value === null || value === undefined ? "–" : new Intl.NumberFormat(locale).format(value));

/** `value` is 0 to 1. */
export const percent = (value, digits = 0) =>
  value === null || value === undefined
    ? "–"
    : new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: digits }).format(value);

/** Day and time of an RFC 3339 text. */
export function when(text) {
  return text ? new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone: zone }).format(new Date(text)) : "–";
}

/** The same to the second, for things that follow each other closely. */
export function exactly(text) {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium", timeZone: zone }).format(new Date(text));
}

/** From one RFC 3339 text up to, not including, another: as days where both are midnights. */
export function period(from, to) {
  if (!from || !to) return "–";
  const [start, end] = [new Date(from), new Date(to)];
  const midnight = (date) => new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: zone }).format(date) === "00:00:00";
  const whole = midnight(start) && midnight(end);
  const style = whole ? { dateStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(locale, { ...style, timeZone: zone }).formatRange(start, whole ? new Date(end - 1) : end);
}

/** The zone of all times here, and of dates that the service is sent without one. */
export const zoneName = () => zone;

/** An instant as the service's zone writes it: `2026-11-27T14:05`. */
export function local(date) {
  const style = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone };
  const parts = new Map(new Intl.DateTimeFormat("en-CA", style).formatToParts(date).map(({ type, value }) => [type, value]));
  return `${parts.get("year")}-${parts.get("month")}-${parts.get("day")}T${parts.get("hour")}:${parts.get("minute")}`;
}

/** `2026-11-27`, as the day it is and not as an instant. */
export function day(text) {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(`${text}T00:00:00Z`));
}

/** From one such day to another, both included. */
export function days(from, to) {
  const [first, last] = [from, to].map((text) => new Date(`${text}T00:00:00Z`));
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: "UTC" }).formatRange(first, last);
}

/** Today in the service's zone, as `2026-11-27`, and days around it. */
export function today(offset = 0) {
  return shifted(new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(now()), offset);
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
  return t("ago", { span: duration((now() - new Date(text)) / 1000) });
}
