// The dashboard: how the runs of the last days went, as a few figures that say whether they are good, as charts, and as what failed.

import { get } from "./api.js";
import { chart, library } from "./charts.js";
import "./dashboard-words.js";
import { fill, h, put, refresh } from "./dom.js";
import { figures } from "./figures.js";
import { ago, number, when } from "./format.js";
import { badge, notice, outdated, table } from "./parts.js";
import { specs } from "./series.js";
import { every } from "./watch.js";
import { t, tOr } from "./words.js";

const RANGES = [7, 30, 90, 365];
/** A look at a year costs the database more. */
const AGAIN_MS = { 7: 60_000, 30: 60_000, 90: 120_000, 365: 300_000 };

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
  every(
    AGAIN_MS[days],
    async () => {
      shown = shown.update(await look()) ?? shown;
    },
    page.signal,
    (...failure) => put(said, outdated(...failure)),
    { fresh: true },
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
    fill(content, newest(view), h("p", { class: "empty" }, t("dashboard.none"), " ", h("a", { href: "/console/runs", class: "plain" }, t("dashboard.none.do"))));
    return { update: anew };
  }
  let top = h("div", {});
  let failed = h("section", {});
  const charts = specs(view).map((spec) => chart(Chart, spec, signal));
  // With few touches: somebody may be reading, or be on a link.
  const tell = (fresh) => {
    top = refresh(top, h("div", { class: "stack" }, newest(fresh), figures(fresh, days)));
    failed = refresh(failed, h("section", { class: "card", "aria-labelledby": "errors-title" }, errors(fresh)));
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
