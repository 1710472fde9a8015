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

/** As `fill`, but touches only what differs, as `refresh` does. */
export function put(place, ...children) {
  return refresh(place, fill(place.cloneNode(false), ...children));
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

/**
 * Makes `old` look like `made` with as few touches as it takes, so that a look every few seconds moves neither the keyboard,
 * nor a selection, nor whoever reads aloud. Two elements are the same one when name and `data-key` are; it keeps its
 * listeners, so these must not close over what changes, and what a person has opened (`details`) stays open. Returns what
 * is in the document now.
 */
export function refresh(old, made) {
  if (old.nodeName !== made.nodeName || old.dataset?.key !== made.dataset?.key) {
    old.replaceWith(made);
    return made;
  }
  if (!(old instanceof Element)) {
    if (old.data !== made.data) old.data = made.data;
    return old;
  }
  for (const { name } of [...old.attributes]) if (!made.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of made.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const keyed = new Map([...old.children].filter((child) => child.dataset.key).map((child) => [child.dataset.key, child]));
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  let at = old.firstChild;
  for (const child of [...made.childNodes]) {
    const known = child.dataset?.key ? keyed.get(child.dataset.key) : at?.dataset?.key ? null : at;
    if (known && known !== at) old.insertBefore(known, at);
    at = (known ? refresh(known, child) : old.insertBefore(child, at)).nextSibling;
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
  if (active?.isConnected && active !== document.activeElement) active.focus({ preventScroll: true });
  return old;
}

/**
 * Makes the children of `place` those of `items`, in their order. A child stays where `told(item)` is what it was (or equal as
 * JSON), so what did not change is not touched; one that did is made anew by `make(item)` and keeps the keyboard.
 */
export function keyed(place, items, key, told, make) {
  const wanted = new Set(items.map((item) => String(key(item))));
  for (const child of [...place.children]) if (!wanted.has(child.dataset.item)) child.remove();
  const old = new Map([...place.children].map((child) => [child.dataset.item, child]));
  let next = place.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    const says = JSON.stringify(told(item));
    let child = old.get(name);
    if (!child || child.says !== says) {
      const made = make(item);
      made.dataset.item = name;
      made.says = says;
      if (child && child === next) next = made;
      child = child ? swap(child, made) : made;
    }
    // A child that stands where it belongs is not moved: moving takes the keyboard from it.
    if (child === next) next = next.nextElementSibling;
    else place.insertBefore(child, next);
  }
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
