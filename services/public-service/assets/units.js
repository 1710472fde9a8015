// What the page knows about units: the five statuses, the natural order of refs (A2 before A10)
// and the sections and rows that refs suggest. Pure: no DOM, no network.

/** The whole taxonomy, in the order in which the page shows it. docs/API.md, "Statuses". */
export const STATUSES = ["available", "reserved", "sold", "hidden", "unreleased"];

/** A word that is not one of the five must never look sellable, so it is shown as hidden. */
export const knownStatus = (word) => (STATUSES.includes(word) ? word : "hidden");

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Natural order; refs that differ only in case or accents still have one fixed order. */
export const byRef = (a, b) => collator.compare(a, b) || (a < b ? -1 : Number(a > b));

// "A-12-03" is head "A-12" and number "03"; "A101" is "A" and "101"; "T1-1203B" is "T1" and "1203".
const PARTS = /^(.*?)[\s\-_./]*(\d+)\D*$/;
const HEAD_WITH_NUMBER = /^(.*?)[\s\-_./]*\d+$/;

/** No real floor has more doors than this: above it the digits are a running number, not a floor. */
const MOST_UNITS_ON_A_FLOOR = 40;

const FLAT = { section: "", row: "" };

/**
 * Learns from all refs how to lay a board out, and returns the rule `ref => { section, row }`.
 * A section is a building or block, a row is a floor; both are texts taken from the refs
 * themselves, never guesses such as "floor 12". The rule is total: it also places later refs.
 */
export function arrangement(refs) {
  const numbersByHead = new Map();
  for (const ref of refs) {
    const parts = PARTS.exec(ref);
    if (!parts) continue;
    const numbers = numbersByHead.get(parts[1]);
    if (numbers) numbers.push(parts[2]);
    else numbersByHead.set(parts[1], [parts[2]]);
  }
  const headsWithFloors = new Set();
  for (const [head, numbers] of numbersByHead) {
    if (readsAsFloors(numbers)) headsWithFloors.add(head);
  }
  const rule = (ref) => place(ref, headsWithFloors);
  return helps(rule, refs) ? rule : () => FLAT;
}

function place(ref, headsWithFloors) {
  const parts = PARTS.exec(ref);
  if (!parts) return FLAT;
  const [, head, number] = parts;
  if (headsWithFloors.has(head)) return { section: head, row: number.slice(0, -2) };
  const outer = HEAD_WITH_NUMBER.exec(head);
  return outer ? { section: outer[1], row: head } : { section: head, row: "" };
}

/** True for 101, 102, 201, … 2010: the last two digits are a door, what stands before is a floor. */
function readsAsFloors(numbers) {
  const floors = new Set(numbers.map((number) => number.slice(0, -2)));
  return (
    numbers.every((number) => number.length >= 3 && Number(number.slice(-2)) <= MOST_UNITS_ON_A_FLOOR) &&
    numbers.length >= 2 * floors.size
  );
}

/** Rows of one unit each (random ids, say) would only waste the screen. */
function helps(rule, refs) {
  const rows = new Set();
  for (const ref of refs) {
    const { section, row } = rule(ref);
    rows.add(`${section}\n${row}`);
  }
  return refs.length >= 2 * rows.size;
}
