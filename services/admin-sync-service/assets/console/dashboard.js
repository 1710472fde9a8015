// The dashboard: how the runs of the last days went, as a few figures that say whether they are good, as charts, and as what failed.

import { get } from "./api.js";
import { chart, library } from "./charts.js";
import { fill, h } from "./dom.js";
import { ago, duration, number, percent, when } from "./format.js";
import { badge, explain, notice, table } from "./parts.js";
import { every } from "./watch.js";
import { learn, t, tOr } from "./words.js";

const RANGES = [7, 30, 90, 365];
/** A look at a year costs the database more. */
const AGAIN_MS = { 7: 60_000, 30: 60_000, 90: 120_000, 365: 300_000 };
/** Of a hundred runs: more is good, less is bad, and what lies between is to be watched. */
const SUCCESS = { good: 0.98, bad: 0.9 };
/** Seconds: a worker that is free takes a run at once. */
const WAIT = { good: 10, bad: 120 };

learn({
  en: {
    "dashboard.title": "Dashboard", "dashboard.range": "Range", "dashboard.last": "{n} days", "dashboard.figures": "Figures",
    "dashboard.none": "No run was asked for in these days.", "dashboard.none.do": "To the runs", "dashboard.newest": "Newest run", "dashboard.asked": "asked for {ago}",
    "dashboard.good": "Good", "dashboard.watch": "Watch", "dashboard.bad": "Bad", "dashboard.open": "No verdict",
    "dashboard.success": "Success rate", "dashboard.success.of": "{success} of {ended} {ended|run|runs} that ended went well.", "dashboard.success.rule": "98% or more is good, less than 90% is bad. Cancelled runs do not count.",
    "dashboard.success.none": "No run has ended yet.",
    "dashboard.duration": "Duration", "dashboard.duration.of": "Half of the runs were quicker than {p50}, 95 of 100 quicker than {p95}.",
    "dashboard.duration.rule": "Updates are asked for every {n} {n|minute|minutes}: good is when 95 of 100 take less than half of that. Longer ones delay the next.",
    "dashboard.duration.rule.none": "Nobody asks for updates by the clock, so nothing waits for their end.",
    "dashboard.records": "Records a day", "dashboard.records.of": "{records} {records|record|records} saved or confirmed in {days} {days|day|days}.", "dashboard.records.yesterday": "Yesterday {n}.", "dashboard.records.rule": "Not good is when runs go well and bring nothing. On weekends the portal has little.",
    "dashboard.runs": "Runs", "dashboard.runs.of": "{day} in the last 24 hours.", "dashboard.runs.idle": "{n} whole {n|day|days} without a run.", "dashboard.runs.rule": "Good is when no day is without.", "dashboard.runs.rule.none": "Nobody asks for updates by the clock, so days may be without.",
    "dashboard.wait": "Wait for a worker", "dashboard.wait.of": "95 of 100 runs waited less.", "dashboard.wait.rule": "Less than 10 s is good. More than 2 min means that all workers are busy, or none was there.", "dashboard.wait.none": "No worker has taken a run yet.",
    "dashboard.chart.runs": "Runs, by day and outcome", "dashboard.chart.duration": "Duration, by day", "dashboard.chart.records": "Records, by day", "dashboard.chart.wait": "Wait for a worker, by day",
    "dashboard.went.success": "went well", "dashboard.went.error": "failed", "dashboard.went.cancelled": "cancelled", "dashboard.went.running": "not over",
    "dashboard.p50": "half were quicker", "dashboard.p95": "95 of 100 were quicker", "dashboard.waited": "95 of 100 waited less", "dashboard.kept": "records",
    "dashboard.says.runs": "{runs} {runs|run|runs}: {success} went well, {error} failed, {cancelled} cancelled, {running} not over.", "dashboard.says.worst": "Most failures: {n} on {day}.", "dashboard.says.idle": "{n} {n|day|days} without runs.",
    "dashboard.says.duration": "Half took less than {p50}, 95 of 100 less than {p95}.", "dashboard.says.slowest": "Slowest day: {day}, {value}.",
    "dashboard.says.records": "{n} {n|record|records}, {mean} a day.", "dashboard.says.most": "Most: {n} on {day}.", "dashboard.says.wait": "95 of 100 waited less than {p95}.", "dashboard.says.longest": "Worst day: {day}, {value}.", "dashboard.says.none": "Nothing to show.",
    "dashboard.errors": "What failed", "dashboard.errors.none": "Nothing failed in these days.", "dashboard.errors.about": "By the most frequent kind of failure of each run, at most 20.",
    "dashboard.error": "Kind", "dashboard.count": "Runs", "dashboard.seen": "Last seen", "dashboard.example": "Example", "dashboard.run": "Run {id}",
    "dashboard.old": "This is not the newest: {why}",
    "fault.rate_limited": "The portal was asked too often (429)", "fault.overloaded": "The portal was overloaded (502, 503, 504)", "fault.server_error": "The portal failed inside (500)", "fault.timeout": "The portal did not answer in time",
    "fault.unreachable": "No connection to the portal", "fault.bad_content": "The portal sent something else than asked for", "fault.unprocessable": "The portal called dates invalid (422)", "fault.rejected": "The portal refused the question (4xx)",
    "fault.not_found": "The portal did not know the page (404)", "fault.error": "A failure of our own: database, disk, settings", "fault.lost": "The worker fell silent", "fault.incomplete": "Not everything was there",
  },
  pt: {
    "dashboard.title": "Painel", "dashboard.range": "Período", "dashboard.last": "{n} dias", "dashboard.figures": "Números",
    "dashboard.none": "Nenhuma execução foi pedida nestes dias.", "dashboard.none.do": "Ver as execuções", "dashboard.newest": "Última execução", "dashboard.asked": "pedida {ago}",
    "dashboard.good": "Bom", "dashboard.watch": "Atenção", "dashboard.bad": "Ruim", "dashboard.open": "Sem avaliação",
    "dashboard.success": "Taxa de sucesso", "dashboard.success.of": "{success} de {ended} {ended|execução encerrada deu|execuções encerradas deram} certo.", "dashboard.success.rule": "98% ou mais é bom, menos de 90% é ruim. Canceladas não contam.",
    "dashboard.success.none": "Nenhuma execução terminou ainda.",
    "dashboard.duration": "Duração", "dashboard.duration.of": "Metade das execuções levou menos de {p50}, 95 de 100 menos de {p95}.",
    "dashboard.duration.rule": "Atualizações são pedidas a cada {n} {n|minuto|minutos}: bom é quando 95 de 100 levam menos da metade disso. As mais longas atrasam a próxima.",
    "dashboard.duration.rule.none": "Ninguém pede atualizações pelo relógio; nada espera por seu fim.",
    "dashboard.records": "Registros por dia", "dashboard.records.of": "{records} {records|registro salvo ou confirmado|registros salvos ou confirmados} em {days} {days|dia|dias}.", "dashboard.records.yesterday": "Ontem {n}.", "dashboard.records.rule": "Não é bom quando execuções dão certo e nada trazem. Nos fins de semana o portal tem pouco.",
    "dashboard.runs": "Execuções", "dashboard.runs.of": "{day} nas últimas 24 horas.", "dashboard.runs.idle": "{n} {n|dia inteiro|dias inteiros} sem execução.", "dashboard.runs.rule": "Bom é quando nenhum dia fica sem.", "dashboard.runs.rule.none": "Ninguém pede atualizações pelo relógio; dias podem ficar sem.",
    "dashboard.wait": "Espera por um worker", "dashboard.wait.of": "95 de 100 execuções esperaram menos.", "dashboard.wait.rule": "Menos de 10 s é bom. Mais de 2 min significa que todos os workers estavam ocupados, ou não havia nenhum.", "dashboard.wait.none": "Nenhum worker assumiu uma execução ainda.",
    "dashboard.chart.runs": "Execuções, por dia e resultado", "dashboard.chart.duration": "Duração, por dia", "dashboard.chart.records": "Registros, por dia", "dashboard.chart.wait": "Espera por um worker, por dia",
    "dashboard.went.success": "deram certo", "dashboard.went.error": "falharam", "dashboard.went.cancelled": "canceladas", "dashboard.went.running": "não encerradas",
    "dashboard.p50": "metade levou menos", "dashboard.p95": "95 de 100 levaram menos", "dashboard.waited": "95 de 100 esperaram menos", "dashboard.kept": "registros",
    "dashboard.says.runs": "{runs} {runs|execução|execuções}: {success} deram certo, {error} falharam, {cancelled} canceladas, {running} não encerradas.", "dashboard.says.worst": "Mais falhas: {n} em {day}.", "dashboard.says.idle": "{n} {n|dia|dias} sem execuções.",
    "dashboard.says.duration": "Metade levou menos de {p50}, 95 de 100 menos de {p95}.", "dashboard.says.slowest": "Dia mais lento: {day}, {value}.",
    "dashboard.says.records": "{n} {n|registro|registros}, {mean} por dia.", "dashboard.says.most": "Mais: {n} em {day}.", "dashboard.says.wait": "95 de 100 esperaram menos de {p95}.", "dashboard.says.longest": "Pior dia: {day}, {value}.", "dashboard.says.none": "Nada a mostrar.",
    "dashboard.errors": "O que falhou", "dashboard.errors.none": "Nada falhou nestes dias.", "dashboard.errors.about": "Pelo tipo de falha mais frequente de cada execução, no máximo 20.",
    "dashboard.error": "Tipo", "dashboard.count": "Execuções", "dashboard.seen": "Vista por último", "dashboard.example": "Exemplo", "dashboard.run": "Execução {id}",
    "dashboard.old": "Isto não é o mais novo: {why}",
    "fault.rate_limited": "O portal foi consultado demais (429)", "fault.overloaded": "O portal estava sobrecarregado (502, 503, 504)", "fault.server_error": "O portal falhou por dentro (500)", "fault.timeout": "O portal não respondeu a tempo",
    "fault.unreachable": "Sem conexão com o portal", "fault.bad_content": "O portal mandou outra coisa", "fault.unprocessable": "O portal chamou datas de inválidas (422)", "fault.rejected": "O portal recusou a pergunta (4xx)",
    "fault.not_found": "O portal não conhece a página (404)", "fault.error": "Uma falha nossa: banco, disco, configuração", "fault.lost": "O worker se calou", "fault.incomplete": "Nem tudo estava lá",
  },
});

export async function show(place, page) {
  const asked = Number(page.query.get("days"));
  const days = RANGES.includes(asked) ? asked : 30;
  const look = () => get(`/sync/dashboard?days=${days}`, { signal: page.signal });
  const [view, Chart] = await Promise.all([look(), library()]);
  if (page.signal.aborted) return;
  const said = h("div", { id: "dashboard-said" });
  const content = h("div", { class: "stack" });
  fill(place, h("div", { class: "head" }, h("h1", {}, t("dashboard.title")), ranges(days)), said, content);
  let shown = body(content, view, days, Chart, page.signal);
  let first = true;
  every(
    AGAIN_MS[days],
    async () => {
      if (first) {
        first = false;
        return;
      }
      shown = shown.update(await look()) ?? shown;
    },
    page.signal,
    (error) => fill(said, error ? notice("warn", t("dashboard.old", { why: explain(error) })) : null),
  );
}

function ranges(days) {
  const range = (n) => h("a", { href: `/console/dashboard?days=${n}`, "aria-current": n === days ? "true" : null }, t("dashboard.last", { n }));
  return h("nav", { class: "choice", "aria-label": t("dashboard.range") }, RANGES.map(range));
}

/** Everything that one answer shows. `update` shows a newer one, and gives what has to be updated from then on. */
function body(content, view, days, Chart, signal) {
  const anew = (fresh) => body(content, fresh, days, Chart, signal);
  if (!view.total_executions) {
    fill(content, newest(view), h("p", { class: "empty" }, t("dashboard.none"), " ", h("a", { href: "/console/runs" }, t("dashboard.none.do"))));
    return { update: anew };
  }
  const top = h("div", { class: "stack" });
  const failed = h("section", { class: "card", "aria-labelledby": "errors-title" });
  const charts = specs(view).map((spec) => chart(Chart, spec, signal));
  const tell = (fresh) => {
    fill(top, newest(fresh), figures(fresh, days));
    fill(failed, errors(fresh));
  };
  tell(view);
  fill(content, top, Chart ? null : notice("warn", t("chart.missing")), h("div", { class: days > 90 ? "charts is-long" : "charts" }, charts.map(({ element }) => element)), failed);
  for (const one of charts) one.draw();
  return {
    update(fresh) {
      if (!fresh.total_executions) return anew(fresh);
      tell(fresh);
      for (const [place, spec] of specs(fresh).entries()) charts[place].update(spec);
      return null;
    },
  };
}

function newest({ current_status: run }) {
  if (!run.id) return null;
  const link = h("a", { href: `/console/runs/${run.id}` }, t("dashboard.run", { id: String(run.id) }));
  return h("p", { id: "newest-run", class: "newest" }, h("span", { class: "quiet" }, `${t("dashboard.newest")}:`), link, badge(run.state), h("span", { class: "quiet" }, t("dashboard.asked", { ago: ago(run.last_execution) })));
}

function figures(view, days) {
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

const ran = (day) => day.success + day.error + day.cancelled + day.running;
/** What was before the first run is nobody's fault: days from then on. */
const since = (view) => view.per_day.slice(view.per_day.findIndex(ran));
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
  const about = sentences(t("dashboard.records.of", { records: view.records_total, days: span }), brought === null ? null : t("dashboard.records.yesterday", { n: brought }));
  return figure("records", number(Math.round(view.records_total / span)), verdict, about, t("dashboard.records.rule"));
}

function wait(view) {
  const p95 = view.queue_wait_p95_seconds;
  if (p95 === null) return figure("wait", "–", "open", t("dashboard.wait.none"), t("dashboard.wait.rule"));
  const verdict = p95 < WAIT.good ? "good" : p95 > WAIT.bad ? "bad" : "watch";
  return figure("wait", duration(p95), verdict, t("dashboard.wait.of"), t("dashboard.wait.rule"));
}

function specs(view) {
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

const dayOf = (text) => new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "long", timeZone: "UTC" }).format(new Date(`${text}T00:00:00Z`));
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

function errors(view) {
  const title = h("h2", { id: "errors-title" }, t("dashboard.errors"));
  if (!view.errors.length) return [title, h("p", { class: "quiet" }, t("dashboard.errors.none"))];
  const headings = [t("dashboard.error"), { text: t("dashboard.count"), kind: "number" }, t("dashboard.seen"), t("dashboard.example")];
  const line = (it) => [
    h("span", {}, tOr(`fault.${it.class}`, ""), " ", h("code", { class: "quiet" }, it.class)),
    number(it.count),
    h("span", {}, when(it.last_seen), " ", h("span", { class: "quiet" }, `(${ago(it.last_seen)})`)),
    h("a", { href: `/console/runs/${it.example_id}` }, t("dashboard.run", { id: String(it.example_id) })),
  ];
  return [title, h("p", { class: "quiet" }, t("dashboard.errors.about")), table(t("dashboard.errors"), headings, view.errors.map(line))];
}
