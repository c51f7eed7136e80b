// The Tab key stops at formulas and tables that scroll sideways, so that the arrow keys can move them.
// Code has this from the theme; MathJax would stop at each of hundreds of formulas, see _config.yml.
(() => {
  "use strict";
  const boxes = ".math, mjx-container, .epbook-concordance";

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
