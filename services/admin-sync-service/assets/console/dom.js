// Making elements. Text is only ever set as text, so nothing that came over the wire can become markup.

/** `h("button", {class: "plain", onclick, "aria-label": "…"}, "text", other, [list])`; null and false are left out. */
export function h(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "class") made.className = value;
    else if (key === "value" || key === "checked" || key === "selected") made[key] = value;
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...flat(children));
  return made;
}

/** Replaces what is in `place`. */
export function fill(place, ...children) {
  place.replaceChildren(...flat(children));
  return place;
}

/** Tells readers of screens what has happened; sighted ones see it elsewhere. */
export function announce(text) {
  document.getElementById("said").textContent = text;
}

/** Replaces `old` by `made` and keeps the keyboard where it was, by `data-key`, then by id. */
export function swap(old, made) {
  const active = document.activeElement;
  const key = old.contains(active) ? active.dataset.key ?? active.id : null;
  old.replaceWith(made);
  if (key) (made.querySelector(`[data-key="${CSS.escape(key)}"]`) ?? document.getElementById(key))?.focus();
  return made;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
