// Marks of charts: patterns, dashes and shapes, in the colours of the page. They tell series apart where colours do not.

import { h } from "./dom.js";

const TILE = 8;

/** What a legend shows of a series: a bar, or a piece of its line. */
export function sample(context, width, height, { kind, mark, colour }, palette) {
  context.strokeStyle = palette[colour];
  if (kind === "bar") {
    context.fillStyle = pattern(mark, palette[colour], palette.surface);
    context.fillRect(1, 1, width - 2, height - 2);
    context.strokeRect(1, 1, width - 2, height - 2);
    return;
  }
  context.lineWidth = 2;
  context.setLineDash(mark === "dashed" ? [6, 4] : []);
  context.beginPath();
  context.moveTo(0, height / 2);
  context.lineTo(width, height / 2);
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = mark === "dashed" ? palette.surface : palette[colour];
  context.beginPath();
  if (mark === "dashed") for (const [x, y] of [[width / 2, 3], [width / 2 + 5, 12], [width / 2 - 5, 12]]) context.lineTo(x, y);
  else context.arc(width / 2, height / 2, 4, 0, 2 * Math.PI);
  context.closePath();
  context.fill();
  context.stroke();
}

/** What a legend shows of days without anything. */
export function hatch(context, width, height, palette) {
  context.globalAlpha = 0.5;
  context.fillStyle = pattern("hatched", palette.quiet, null);
  context.fillRect(0, 0, width, height);
}

/** What fills a bar of this mark. */
export function pattern(mark, colour, ground) {
  if (mark === "solid") return colour;
  if (mark === "hollow") return ground;
  const tile = h("canvas", { width: TILE, height: TILE });
  const context = tile.getContext("2d");
  if (ground) {
    context.fillStyle = ground;
    context.fillRect(0, 0, TILE, TILE);
  }
  context.strokeStyle = colour;
  context.fillStyle = colour;
  if (mark === "dots") {
    for (const [x, y] of [[2, 2], [6, 6]]) context.fillRect(x - 1, y - 1, 2, 2);
  } else {
    context.lineWidth = mark === "stripes" ? 3 : 1;
    context.beginPath();
    for (const shift of [-TILE, 0, TILE]) {
      context.moveTo(shift - 1, TILE + 1);
      context.lineTo(shift + TILE + 1, -1);
    }
    context.stroke();
  }
  return context.createPattern(tile, "repeat");
}

/** The colours of the page as a canvas wants them. */
export function colours(element) {
  const probe = h("span", { hidden: true });
  element.append(probe);
  const palette = {};
  for (const name of ["ink", "quiet", "line", "surface", "good", "wrong", "strong", "edge"]) {
    probe.style.color = `var(--chart-${name})`;
    palette[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return palette;
}
