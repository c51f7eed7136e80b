// The Tab key stops at formulas, tables and code that scroll sideways, so that the arrow keys can move them.
// The theme does so for code, but only as wide as the page is when it loads. MathJax would stop at each of hundreds of formulas, see _config.yml.
(() => {
  "use strict";
  const boxes = ".math, mjx-container, .epbook-concordance, .highlight pre";

  function mark() {
    for (const box of document.querySelectorAll(boxes)) {
      const scrolls = box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== "visible";
      if (scrolls) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }

  window.addEventListener("resize", mark);
  window.addEventListener("load", () => (window.MathJax?.startup?.promise ?? Promise.resolve()).then(mark));
})();
