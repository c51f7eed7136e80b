// The Tab key stops at formulas, tables and code that scroll sideways, so that the arrow keys can move them.
// The theme does so for code, but only once, when much of it is still folded. MathJax would stop at each of hundreds of formulas, see _config.yml.
(() => {
  "use strict";
  const boxes = ".math, mjx-container, .epbook-concordance, .highlight pre";

  function mark(box) {
    const scrolls = box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== "visible";
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }

  // tells of each box when its room changes, and when what it was folded into opens
  const room = new ResizeObserver(changes => changes.forEach(change => mark(change.target)));

  function markAll() {
    for (const box of document.querySelectorAll(boxes)) {
      mark(box);
      room.observe(box);
    }
  }

  window.addEventListener("resize", markAll);
  window.addEventListener("load", () => (window.MathJax?.startup?.promise ?? Promise.resolve()).then(markAll));
})();
