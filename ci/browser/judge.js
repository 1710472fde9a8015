// Judges a page as axe's basic rules do, without axe: contrast, names, roles, structure, sizes.
// An expression that gives a list of complaints, for page.evaluate.

(() => {
  // A unit that changes right now has a colour between two: what it comes to is judged.
  for (const change of document.getAnimations()) if (change instanceof CSSTransition) change.finish();
  const complaints = [];
  const complain = (element, what) => complaints.push(`${what}: ${describe(element)}`);
  const describe = (element) =>
    `<${element.localName} class="${element.className}"> ${element.textContent.trim().slice(0, 30)}`;
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true });

  // WCAG 2.2, "contrast ratio".
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (css) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = css;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, alpha] = rgba(getComputedStyle(at).backgroundColor);
      if (alpha > 250) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const hasOwnText = (element) =>
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());

  for (const element of document.body.querySelectorAll("*")) {
    if (!isShown(element) || !hasOwnText(element) || element.closest(".unseen, noscript, template")) continue;
    const ratio = contrast(rgba(getComputedStyle(element).color).slice(0, 3), background(element));
    if (ratio < 4.5) complain(element, `contrast ${ratio.toFixed(2)}`);
  }
  // Shapes and edges that carry a status or a state: 3:1.
  for (const element of document.querySelectorAll(".link-light, .sign, .unit")) {
    if (!isShown(element)) continue;
    const style = getComputedStyle(element, element.matches(".link-light") ? null : "::before");
    const edge = rgba(style.borderTopWidth === "0px" ? style.backgroundColor : style.borderTopColor);
    if (edge[3] > 250 && contrast(edge.slice(0, 3), background(element.matches(".link-light") ? element.parentElement : element)) < 3)
      complain(element, "shape hard to see");
  }

  for (const element of document.querySelectorAll("button, a[href]")) {
    if (!isShown(element)) continue;
    if (!(element.ariaLabel || element.textContent.trim())) complain(element, "no name");
    const { width, height } = element.getBoundingClientRect();
    if ((width < 24 || height < 24) && !element.matches(".skip")) complain(element, "target under 24 px");
  }
  for (const image of document.querySelectorAll("svg, img")) {
    if (image.ariaHidden !== "true" && !image.ariaLabel && !image.alt) complain(image, "no text alternative");
  }
  for (const cell of document.querySelectorAll('[role="gridcell"]')) {
    if (!cell.closest('[role="row"]')?.closest('[role="grid"]')) complain(cell, "cell outside a grid");
    if (!/, \S/.test(cell.ariaLabel)) complain(cell, "status not in the name");
  }
  for (const grid of document.querySelectorAll('[role="grid"]'))
    if (!(grid.ariaLabel || grid.ariaLabelledByElements?.length)) complain(grid, "no name");

  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids)) if (ids.indexOf(id) !== ids.lastIndexOf(id)) complaints.push(`id twice: ${id}`);
  for (const element of document.querySelectorAll("[aria-labelledby]"))
    for (const id of element.getAttribute("aria-labelledby").split(/\s+/))
      if (!document.getElementById(id)) complain(element, `label ${id} missing`);
  if (document.querySelectorAll("h1").length !== 1) complaints.push("not exactly one h1");
  let level = 1;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    if (Number(heading.localName[1]) > level + 1) complain(heading, "heading level skipped");
    level = Number(heading.localName[1]);
  }
  if (document.querySelectorAll("main").length !== 1) complaints.push("not exactly one main");
  if (!document.documentElement.lang) complaints.push("no language");
  if (!document.title) complaints.push("no title");
  if (/user-scalable\s*=\s*no|maximum-scale/.test(document.querySelector("meta[name=viewport]").content))
    complaints.push("zoom forbidden");
  return [...new Set(complaints)].slice(0, 20);
})();
