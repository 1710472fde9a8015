// Charts over days, the way this console draws them. Every series has a mark beside its colour (a pattern, a dash, a shape) and its
// name; every chart has a sentence, a table of the same data, and tells its values to whoever walks it with the arrow keys.
// Chart.js draws axes, bars and lines; nobody else here knows it.

import { fill, h } from "./dom.js";
import { colours, hatch, pattern, sample } from "./marks.js";
import { table } from "./parts.js";
import { learn, locale, t } from "./words.js";

learn({
  en: {
    "chart.table": "The same as a table", "chart.day": "Day", "chart.empty": "no runs", "chart.keys": "Left and right arrow walk through the days.",
    "chart.missing": "The part that draws charts could not be loaded. The tables have the same figures.",
  },
  pt: {
    "chart.table": "O mesmo em tabela", "chart.day": "Dia", "chart.empty": "sem execuções", "chart.keys": "As setas para a esquerda e a direita percorrem os dias.",
    "chart.missing": "A parte que desenha gráficos não foi carregada. As tabelas têm os mesmos números.",
  },
});

/** Loaded by who needs it; it says its name to the page, as classic scripts do. Null where it cannot be had. */
export async function library() {
  try {
    await import("./vendor/chart.umd.min.js");
    return globalThis.Chart ?? null;
  } catch {
    return null;
  }
}

/** Above this a point on every day would be a smear. */
const MOST_POINTS = 62;
/** Steps of an axis of seconds at which people think. */
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/**
 * A card with a chart. `spec`: `id`, `title`, `days`, `empty` (of each day, whether nothing ran), `series` of `{name, values, kind,
 * colour, mark}`, `format(value)`, `summary`; `stacked`, `seconds`. `kind` is bar or line; `colour` a custom property; `mark` of
 * bars: solid, stripes, dots, hollow, of lines: whole or dashed. `Chart` may be null: then it is a sentence and a table.
 */
export function chart(Chart, spec, signal) {
  let now = spec;
  let drawn = null;
  const name = (part) => `${spec.id}-${part}`;
  const summary = h("p", { id: name("summary"), class: "about" }, spec.summary);
  const legend = h("ul", { class: "chart-legend", "aria-hidden": "true" });
  const canvas = h("canvas", { role: "img", "aria-labelledby": name("title"), "aria-describedby": name("summary") });
  const said = h("p", { class: "unseen", role: "status" });
  const box = h("div", { class: "chart-box", id: spec.id, tabindex: 0, role: "group", "aria-labelledby": `${name("title")} ${name("keys")}` }, canvas);
  const rows = h("div", {});
  const details = h("details", { id: name("table") }, h("summary", {}, t("chart.table")), rows);
  const tell = () => details.open && fill(rows, asTable(now));
  details.addEventListener("toggle", tell);
  const element = h(
    "section",
    { class: "card chart", "aria-labelledby": name("title") },
    h("h2", { id: name("title") }, spec.title),
    summary,
    Chart ? [legend, box, said, h("p", { id: name("keys"), class: "unseen" }, t("chart.keys"))] : null,
    details,
  );
  /** Anew, since colours are read when they are drawn: dark and light differ. */
  function draw() {
    drawn?.destroy();
    const palette = colours(element);
    fill(legend, legends(now, palette));
    drawn = new Chart(canvas, configuration(now, palette));
  }
  if (Chart) {
    keys(box, said, () => drawn, () => now);
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) matchMedia(query).addEventListener("change", draw, { signal });
    signal.addEventListener("abort", () => drawn?.destroy());
  }
  return {
    element,
    /** Only works in the document. */
    draw: () => Chart && draw(),
    update(fresh) {
      if (JSON.stringify(fresh) === JSON.stringify(now)) return;
      now = fresh;
      summary.textContent = fresh.summary;
      tell();
      if (Chart) draw();
    },
  };
}

function configuration(spec, palette) {
  const many = spec.days.length > MOST_POINTS;
  const datasets = spec.series.map((series) => (series.kind === "bar" ? barOf(series, palette, many) : lineOf(series, palette, many)));
  const grid = { color: palette.line, tickColor: palette.line };
  const font = { family: getComputedStyle(document.body).fontFamily, size: 12 };
  const ticks = { color: palette.quiet, font };
  const top = Math.max(1, ...spec.series.filter(({ kind }) => kind === "line").flatMap(({ values }) => values));
  return {
    type: "bar",
    data: { labels: spec.days, datasets },
    plugins: [emptyDays(spec, palette), ends(spec, palette)],
    options: {
      font,
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      locale,
      interaction: { mode: "index", intersect: false },
      layout: { padding: { top: 16, right: spec.series.some(({ kind }) => kind === "line") ? 44 : 4 } },
      scales: {
        x: { stacked: spec.stacked, grid: { display: false }, border: { color: palette.quiet }, ticks: { ...ticks, maxRotation: 0, autoSkipPadding: 16, callback: (_, place) => short(spec.days[place]) } },
        y: {
          stacked: spec.stacked,
          beginAtZero: true,
          grid,
          border: { display: false },
          ticks: { ...ticks, precision: 0, maxTicksLimit: 6, stepSize: spec.seconds ? SECONDS.find((step) => top / step <= 5) : undefined, callback: (value) => spec.format(value) },
        },
      },
      plugins: { legend: { display: false }, tooltip: tooltip(spec, palette, font) },
    },
  };
}

const barOf = ({ name, values, mark, colour }, palette, many) => ({
  label: name,
  data: values,
  backgroundColor: pattern(mark, palette[colour], palette.surface),
  borderColor: palette[colour],
  borderWidth: many ? 0 : 1,
  borderSkipped: false,
  categoryPercentage: many ? 1 : 0.85,
  barPercentage: many ? 1 : 0.9,
  maxBarThickness: 40,
});

const lineOf = ({ name, values, mark, colour }, palette, many) => ({
  type: "line",
  label: name,
  data: values,
  borderColor: palette[colour],
  borderWidth: 2,
  borderDash: mark === "dashed" ? [6, 4] : [],
  backgroundColor: mark === "dashed" ? palette.surface : palette[colour],
  pointStyle: mark === "dashed" && !many ? "triangle" : "circle",
  pointRadius: many ? 1 : 4,
  pointHoverRadius: 6,
  spanGaps: false,
});

function tooltip(spec, palette, font) {
  return {
    backgroundColor: palette.ink,
    titleColor: palette.surface,
    bodyColor: palette.surface,
    displayColors: false,
    padding: 10,
    titleFont: { ...font, size: 13 },
    bodyFont: { ...font, size: 13 },
    callbacks: {
      title: ([first]) => (first ? long(spec.days[first.dataIndex]) + (spec.empty[first.dataIndex] ? ` · ${t("chart.empty")}` : "") : ""),
      label: ({ dataset, raw }) => (raw === null ? null : `${dataset.label}: ${spec.format(raw)}`),
    },
  };
}

/** Days on which nothing ran are hatched: a zero would look like a bad day. */
const emptyDays = (spec, palette) => ({
  id: "emptyDays",
  beforeDatasetsDraw({ ctx, chartArea, scales }) {
    const width = chartArea.width / spec.days.length;
    ctx.save();
    ctx.globalAlpha = 0.5;
    ctx.fillStyle = pattern("hatched", palette.quiet, null);
    for (const [place, empty] of spec.empty.entries()) {
      if (empty) ctx.fillRect(scales.x.getPixelForValue(place) - width / 2, chartArea.top, width, chartArea.height);
    }
    ctx.restore();
  },
});

/** Names at the ends of lines, and the figure of the highest bar: what a legend or an axis would have to be asked for. */
const ends = (spec, palette) => ({
  id: "ends",
  afterDatasetsDraw(drawn) {
    const { ctx, chartArea } = drawn;
    ctx.save();
    ctx.font = `600 12px ${drawn.options.font.family}`;
    ctx.fillStyle = palette.ink;
    ctx.textBaseline = "middle";
    let above = -Infinity;
    const lines = spec.series.map((series, place) => ({ series, points: drawn.getDatasetMeta(place).data })).filter(({ series }) => series.kind === "line");
    const last = lines.map(({ series, points }) => ({ name: series.short ?? series.name, point: points[series.values.findLastIndex((value) => value !== null)] }));
    for (const { name, point } of last.filter(({ point }) => point).toSorted((a, b) => a.point.y - b.point.y)) {
      above = Math.max(point.y, above + 14);
      ctx.textAlign = "left";
      ctx.fillText(name, Math.min(point.x + 8, chartArea.right + 4), above);
    }
    const heights = spec.days.map((_, day) => spec.series.reduce((sum, series) => sum + (series.kind === "bar" ? series.values[day] : 0), 0));
    const highest = heights.indexOf(Math.max(...heights));
    if (!lines.length && heights[highest] > 0) {
      const x = drawn.scales.x.getPixelForValue(highest);
      ctx.textAlign = x > chartArea.right - 30 ? "right" : x < chartArea.left + 30 ? "left" : "center";
      ctx.fillText(spec.format(heights[highest]), x, drawn.scales.y.getPixelForValue(heights[highest]) - 9);
    }
    ctx.restore();
  },
});

/** The arrow keys move what the pointer would, and it is said. */
function keys(box, said, drawn, now) {
  let at = null;
  function move(to) {
    const chart = drawn();
    at = to;
    const active = to === null ? [] : now().series.map((_, datasetIndex) => ({ datasetIndex, index: to }));
    const point = to === null ? { x: 0, y: 0 } : { x: chart.scales.x.getPixelForValue(to), y: chart.chartArea.top };
    chart.setActiveElements(active);
    chart.tooltip.setActiveElements(active, point);
    chart.update("none");
    said.textContent = to === null ? "" : spoken(now(), to);
  }
  box.addEventListener("keydown", (event) => {
    const last = now().days.length - 1;
    const leads = { ArrowRight: Math.min((at ?? -1) + 1, last), ArrowLeft: Math.max((at ?? last + 1) - 1, 0), Home: 0, End: last, Escape: null };
    if (!(event.key in leads) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move(leads[event.key]);
  });
  box.addEventListener("blur", () => at !== null && drawn() && move(null));
}

function spoken(spec, day) {
  const values = spec.series.filter(({ values }) => values[day] !== null).map(({ name, values }) => `${name} ${spec.format(values[day])}`);
  return `${long(spec.days[day])}: ${spec.empty[day] ? t("chart.empty") : values.join(", ")}`;
}

function asTable(spec) {
  const number = (text) => ({ text, kind: "number" });
  const cells = (day, place) => [long(day), ...spec.series.map(({ values }) => (spec.empty[place] ? t("chart.empty") : values[place] === null ? "–" : spec.format(values[place])))];
  // The newest day is what people look for.
  return table(spec.title, [t("chart.day"), ...spec.series.map(({ name }) => number(name))], spec.days.map(cells).reverse(), { tabindex: 0, role: "group", "aria-label": spec.title });
}

function legends(spec, palette) {
  const entries = spec.series.map((series) => [series.name, (context, width, height) => sample(context, width, height, series, palette)]);
  if (spec.empty.includes(true)) entries.push([t("chart.empty"), (context, width, height) => hatch(context, width, height, palette)]);
  return entries.map(([name, draw]) => {
    const swatch = h("canvas", { width: 56, height: 32 });
    const context = swatch.getContext("2d");
    context.scale(2, 2);
    draw(context, 28, 16);
    return h("li", {}, swatch, name);
  });
}

const formats = new Map();

function formatted(day, style) {
  const key = `${locale} ${JSON.stringify(style)}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale, { ...style, timeZone: "UTC" }));
  return formats.get(key).format(new Date(`${day}T00:00:00Z`));
}

const short = (day) => formatted(day, { day: "numeric", month: "short" });
const long = (day) => formatted(day, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
