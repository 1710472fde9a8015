// Judges whether a word that turns the direction of writing could turn more than itself: a function of such words, for
// page.evaluate, that gives a list of complaints. A word, or a part of it, has to be all that is in its lines, quotes and signs
// of the style included: an element that is merely isolated is left by a word that closes the isolation.

(words) => {
  const complaints = [];
  const isFramed = (element) => ["::before", "::after"].some((part) => !/^(none|normal|"")$/.test(getComputedStyle(element, part).content));
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    const place = text.parentElement;
    // What is there for ears alone has no lines; what a client sent as a whole (pre) is its own from end to end.
    if (!/[\u202a-\u202e]/.test(text.data) || !place.checkVisibility() || place.closest(".unseen, pre")) continue;
    seen += 1;
    let box = place;
    let framed = isFramed(box);
    while (/^(inline|contents)$/.test(getComputedStyle(box).display)) framed = isFramed((box = box.parentElement)) || framed;
    const isItem = box === place && /flex|grid/.test(getComputedStyle(box).display);
    const beside = isItem ? [text.previousSibling, text.nextSibling].some((node) => node instanceof Text) : framed || box.textContent !== text.data;
    if (!words.some((word) => word.includes(text.data)) || beside) complaints.push(`turns what is around it: ${box.outerHTML.slice(0, 200)}`);
  }
  return seen ? complaints : ["no word on the page turns anything: is it there?"];
};
