// The window of a backfill: two times in the service's zone, and the choices that are made most.

import { now } from "./clock.js";
import { h } from "./dom.js";
import { local, today, zoneName } from "./format.js";
import { button, field } from "./parts.js";
import { learn, t } from "./words.js";

learn({
  en: {
    "force.quick": "Quick choices", "force.yesterday": "Yesterday", "force.week": "Last 7 days", "force.month": "Last 30 days",
    "force.thismonth": "This month", "force.from": "From", "force.to": "To, not included",
    "force.zone": "Times are those of {zone}. At most 365 days.",
  },
  pt: {
    "force.quick": "Escolhas rápidas", "force.yesterday": "Ontem", "force.week": "Últimos 7 dias",
    "force.month": "Últimos 30 dias", "force.thismonth": "Este mês", "force.from": "De", "force.to": "Até, sem incluir",
    "force.zone": "Os horários são os de {zone}. No máximo 365 dias.",
  },
});

/** `{element, set(from, to), read()}`; `changed` is called after a choice, typing bubbles by itself. */
export function windowPicker(changed) {
  const from = h("input", { name: "data_ini", type: "datetime-local" });
  const to = h("input", { name: "data_fim", type: "datetime-local" });
  const chips = choices().map(([name, start, end]) => {
    const choose = () => {
      set(start, end);
      changed();
    };
    return button(t(`force.${name}`), choose, { "data-choice": name });
  });
  const element = h(
    "div",
    { class: "stack", id: "force-window" },
    h("div", { class: "chips", role: "group", "aria-label": t("force.quick") }, chips),
    h("div", { class: "row" }, field(t("force.from"), from), field(t("force.to"), to)),
    h("p", { class: "quiet" }, t("force.zone", { zone: zoneName() })),
  );
  function set(start, end) {
    from.value = instant(start);
    to.value = instant(end);
  }
  return {
    element,
    set,
    /** What is chosen, and which choice that is. */
    read() {
      const found = choices().find(([, start, end]) => from.value === start && to.value === end)?.[0];
      for (const chip of chips) chip.setAttribute("aria-pressed", String(chip.dataset.choice === found));
      return { data_ini: from.value, data_fim: to.value };
    },
    focusMissing: () => (from.value ? to : from).focus(),
  };
}

/** Whole days that are over: what is still going on is never complete. */
function choices() {
  const midnight = (day) => `${day}T00:00`;
  const end = midnight(today());
  const first = `${today().slice(0, 8)}01`;
  return [
    ["yesterday", midnight(today(-1)), end],
    ["week", midnight(today(-7)), end],
    ["month", midnight(today(-30)), end],
    ["thismonth", midnight(first), first === today() ? local(now()) : end],
  ];
}

const instant = (text) => (text.length === 10 ? `${text}T00:00` : text.slice(0, 16));
