// What the charts of the dashboard show, and the sentence of each. Words: dashboard-words.js.

import { duration, number } from "./format.js";
import { ran, since } from "./figures.js";
import { locale, t } from "./words.js";

export function specs(view) {
  const days = view.per_day.map(({ day }) => day);
  const empty = view.per_day.map((day) => !ran(day));
  const values = (name) => view.per_day.map((day) => day[name]);
  const bars = (state, colour, mark) => ({ name: t(`dashboard.went.${state}`), kind: "bar", values: values(state), colour, mark });
  const base = (name) => ({ id: `chart-${name}`, title: t(`dashboard.chart.${name}`), days, empty });
  return [
    {
      ...base("runs"),
      stacked: true,
      format: number,
      summary: sayRuns(view, empty),
      series: [bars("success", "good", "solid"), bars("error", "wrong", "stripes"), bars("cancelled", "quiet", "dots"), bars("running", "ink", "hollow")],
    },
    {
      ...base("duration"),
      seconds: true,
      format: duration,
      summary: sayDurations(view),
      series: [
        { name: t("dashboard.p95"), short: "p95", kind: "line", values: values("duration_p95_seconds"), colour: "edge", mark: "dashed" },
        { name: t("dashboard.p50"), short: "p50", kind: "line", values: values("duration_p50_seconds"), colour: "strong", mark: "whole" },
      ],
    },
    { ...base("records"), format: number, summary: sayRecords(view, Math.min(days.length - 1, since(view).length)), series: [{ name: t("dashboard.kept"), kind: "bar", values: values("records"), colour: "strong", mark: "solid" }] },
    {
      ...base("wait"),
      seconds: true,
      format: duration,
      summary: sayWait(view),
      series: [{ name: t("dashboard.waited"), short: "p95", kind: "line", values: values("queue_wait_p95_seconds"), colour: "edge", mark: "dashed" }],
    },
  ];
}

const dayOf = (text) => new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", timeZone: "UTC" }).format(new Date(`${text}T00:00:00Z`));
const most = (view, name) => view.per_day.reduce((best, day) => ((day[name] ?? -1) > (best[name] ?? -1) ? day : best));
const sentences = (...all) => all.filter(Boolean).join(" ");

function sayRuns(view, empty) {
  const sum = (name) => view.per_day.reduce((total, day) => total + day[name], 0);
  const worst = most(view, "error");
  const idle = empty.filter(Boolean).length;
  return sentences(
    t("dashboard.says.runs", { runs: view.total_executions, success: sum("success"), error: sum("error"), cancelled: sum("cancelled"), running: sum("running") }),
    worst.error ? t("dashboard.says.worst", { n: worst.error, day: dayOf(worst.day) }) : null,
    idle ? t("dashboard.says.idle", { n: idle }) : null,
  );
}

function sayDurations(view) {
  if (view.duration_p50_seconds === null) return t("dashboard.says.none");
  const slowest = most(view, "duration_p95_seconds");
  return sentences(
    t("dashboard.says.duration", { p50: duration(view.duration_p50_seconds), p95: duration(view.duration_p95_seconds) }),
    t("dashboard.says.slowest", { day: dayOf(slowest.day), value: duration(slowest.duration_p95_seconds) }),
  );
}

function sayRecords(view, days) {
  const best = most(view, "records");
  const told = t("dashboard.says.records", { n: view.records_total, mean: Math.round(view.records_total / days) });
  return sentences(told, best.records ? t("dashboard.says.most", { n: best.records, day: dayOf(best.day) }) : null);
}

function sayWait(view) {
  if (view.queue_wait_p95_seconds === null) return t("dashboard.says.none");
  const longest = most(view, "queue_wait_p95_seconds");
  return sentences(
    t("dashboard.says.wait", { p95: duration(view.queue_wait_p95_seconds) }),
    t("dashboard.says.longest", { day: dayOf(longest.day), value: duration(longest.queue_wait_p95_seconds) }),
  );
}
