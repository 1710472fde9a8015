// The figures of the dashboard: each with what it means, whether it is good, and by which rule. Words: dashboard-words.js.

import { h } from "./dom.js";
import { duration, number, percent } from "./format.js";
import { t } from "./words.js";

/** Of a hundred runs: more is good, less is bad, and what lies between is to be watched. */
const SUCCESS = { good: 0.98, bad: 0.9 };
/** Seconds: a worker that is free takes a run at once. */
const WAIT = { good: 10, bad: 120 };

export function figures(view, days) {
  const made = [success(view), durations(view), runs(view), records(view, days), wait(view)];
  return h("div", { class: "figures", role: "group", "aria-label": t("dashboard.figures") }, made);
}

/** A figure, what it is, whether that is good, and by which rule. */
function figure(name, value, verdict, about, rule) {
  const signs = { good: "ok", watch: "degraded", bad: "down", open: "idle" };
  return h(
    "section",
    { class: "card figure", id: `figure-${name}`, "aria-labelledby": `figure-${name}-title` },
    h("h2", { id: `figure-${name}-title` }, t(`dashboard.${name}`)),
    h("p", { class: "big" }, value),
    h("p", {}, h("span", { class: `badge is-${signs[verdict]}` }, t(`dashboard.${verdict}`))),
    h("p", {}, about),
    h("p", { class: "quiet" }, rule),
  );
}

function success(view) {
  const ratio = view.success_rate_ratio;
  if (ratio === null) return figure("success", "–", "open", t("dashboard.success.none"), t("dashboard.success.rule"));
  const sum = (name) => view.per_day.reduce((total, day) => total + day[name], 0);
  const ended = sum("success") + sum("error");
  const verdict = ratio >= SUCCESS.good ? "good" : ratio < SUCCESS.bad ? "bad" : "watch";
  return figure("success", percent(ratio, 1), verdict, t("dashboard.success.of", { success: sum("success"), ended }), t("dashboard.success.rule"));
}

function durations(view) {
  const { duration_p50_seconds: p50, duration_p95_seconds: p95, update_interval_minutes: minutes } = view;
  const rule = minutes ? t("dashboard.duration.rule", { n: minutes }) : t("dashboard.duration.rule.none");
  if (p95 === null) return figure("duration", "–", "open", t("dashboard.success.none"), rule);
  const share = minutes ? p95 / (minutes * 60) : null;
  const verdict = share === null ? "open" : share <= 0.5 ? "good" : share > 1 ? "bad" : "watch";
  return figure("duration", duration(p50), verdict, t("dashboard.duration.of", { p50: duration(p50), p95: duration(p95) }), rule);
}

export const ran = (day) => day.success + day.error + day.cancelled + day.running;
/** What was before the first run is nobody's fault: days from then on. */
export const since = (view) => view.per_day.slice(view.per_day.findIndex(ran));
/** Those that are whole: the first is cut by the range or by the first run, and today is not over. */
const whole = (view) => since(view).slice(1, -1);

function runs(view) {
  const idle = whole(view).filter((day) => !ran(day)).length;
  const verdict = !view.update_interval_minutes ? "open" : idle ? "watch" : "good";
  const rule = view.update_interval_minutes ? t("dashboard.runs.rule") : t("dashboard.runs.rule.none");
  const about = [t("dashboard.runs.of", { day: view.last_24h_executions }), idle ? t("dashboard.runs.idle", { n: idle }) : null].filter(Boolean).join(" ");
  return figure("runs", number(view.total_executions), verdict, about, rule);
}

function records(view, days) {
  const span = Math.min(days, since(view).length);
  const yesterday = whole(view).at(-1);
  const brought = yesterday && yesterday.success > 0 ? yesterday.records : null;
  const barren = view.records_total === 0 && view.success_rate_ratio > 0;
  const verdict = barren ? "bad" : brought === 0 ? "watch" : view.records_total ? "good" : "open";
  const about = [t("dashboard.records.of", { records: view.records_total, days: span }), brought === null ? null : t("dashboard.records.yesterday", { n: brought })].filter(Boolean).join(" ");
  return figure("records", number(Math.round(view.records_total / span)), verdict, about, t("dashboard.records.rule"));
}

function wait(view) {
  const p95 = view.queue_wait_p95_seconds;
  if (p95 === null) return figure("wait", "–", "open", t("dashboard.wait.none"), t("dashboard.wait.rule"));
  const verdict = p95 < WAIT.good ? "good" : p95 > WAIT.bad ? "bad" : "watch";
  return figure("wait", duration(p95), verdict, t("dashboard.wait.of"), t("dashboard.wait.rule"));
}
