// The board as one tab stop: arrows move between units as the eye sees them, over rows and
// sections; Home and End go to the ends of a row, with Ctrl to the ends of the board.

const UNIT = ".unit";

/** @param {HTMLElement} root  holds the units, in reading order */
export function moveByKeys(root) {
  root.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey || !event.target.matches(UNIT)) return;
    const target = destination(root, event.target, event.key, event.ctrlKey);
    if (!target) return;
    event.preventDefault();
    target.focus();
  });
  root.addEventListener("focusin", (event) => {
    if (event.target.matches(UNIT)) makeTabStop(root, event.target);
  });
}

/** Units come, go and are filtered away; there must always be one that Tab can reach. */
export function keepTabStop(root) {
  const current = root.querySelector(`${UNIT}[tabindex="0"]`);
  if (current && isShown(current)) return;
  const first = shownUnits(root)[0];
  if (first) makeTabStop(root, first);
}

function makeTabStop(root, unit) {
  for (const other of root.querySelectorAll(`${UNIT}[tabindex="0"]`)) other.tabIndex = -1;
  unit.tabIndex = 0;
}

function destination(root, unit, key, ctrl) {
  const units = shownUnits(root);
  const at = units.indexOf(unit);
  switch (key) {
    case "ArrowRight":
      return units[at + 1];
    case "ArrowLeft":
      return units[at - 1];
    case "ArrowDown":
      return onNextLine(units, at, 1);
    case "ArrowUp":
      return onNextLine(units, at, -1);
    case "Home":
      return ctrl ? units[0] : endOfRow(units, at, -1);
    case "End":
      return ctrl ? units.at(-1) : endOfRow(units, at, 1);
  }
  return undefined;
}

/** The unit that lies nearest above or below, whatever the width of the window made of the rows. */
function onNextLine(units, at, step) {
  const here = units[at].getBoundingClientRect();
  let line;
  let best;
  let bestDistance = Infinity;
  for (let i = at + step; i >= 0 && i < units.length; i += step) {
    const box = units[i].getBoundingClientRect();
    if (box.top === here.top) continue;
    line ??= box.top;
    if (box.top !== line) break;
    const distance = Math.abs(box.left - here.left);
    if (distance < bestDistance) {
      best = units[i];
      bestDistance = distance;
    }
  }
  return best;
}

function endOfRow(units, at, step) {
  const row = units[at].parentElement;
  let end = at;
  while (units[end + step]?.parentElement === row) end += step;
  return units[end];
}

const isShown = (unit) => unit.offsetParent !== null;

const shownUnits = (root) => [...root.querySelectorAll(UNIT)].filter(isShown);
