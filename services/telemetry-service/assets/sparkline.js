// A small curve of one metric's last readings. Time runs evenly from left to right, so a gap is seen as one.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 100;
const HEIGHT = 28;
const MARGIN = 3;

/** @typedef {{ at: number, value: number }} Point  ms since 1970, and what was measured then */

/** An empty one; `drawCurve` fills it. */
export function makeCurve() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.classList.add("curve");
  for (const name of ["curve-line", "curve-end"]) {
    const path = svg.appendChild(document.createElementNS(SVG, "path"));
    path.classList.add(name);
  }
  return svg;
}

/**
 * @param {SVGElement} svg
 * @param {Point[]} points  oldest first, at least one
 */
export function drawCurve(svg, points) {
  const values = points.map((point) => point.value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [from, to] = [points[0].at, points.at(-1).at];
  const x = (at) => (to > from ? MARGIN + ((at - from) / (to - from)) * (WIDTH - 2 * MARGIN) : WIDTH - MARGIN);
  const y = (value) => (high > low ? HEIGHT - MARGIN - ((value - low) / (high - low)) * (HEIGHT - 2 * MARGIN) : HEIGHT / 2);
  const spots = points.map(({ at, value }) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`);
  const [line, end] = svg.children;
  line.setAttribute("d", `M${spots.join("L")}`);
  // A line of no length with round ends is a dot that the stretched picture does not squeeze.
  end.setAttribute("d", `M${spots.at(-1)}h0`);
}
