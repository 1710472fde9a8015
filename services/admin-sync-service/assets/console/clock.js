// The service's clock. A browser's own may be wrong by minutes, and then everything here that says how long ago something was.

/** A reader's clock that is no further off is left alone: answers take their time, and their date has whole seconds. */
const TOLERANCE_MS = 5000;
let ahead = 0;

/** As `Date.now()`, of the service. */
export const now = () => Date.now() + ahead;

/** `date` is the header of an answer that has just come. */
export function hear(date) {
  const off = Date.parse(date) - Date.now();
  if (!Number.isNaN(off)) ahead = Math.abs(off) > TOLERANCE_MS ? off : 0;
}
