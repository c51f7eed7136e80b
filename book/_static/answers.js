// The field below an exercise that asks for a number: epbook.answers.Answer in the reader's browser.
// Without this script a line of text stands in its place.
(() => {
  "use strict";

  function said(text, right, within) {
    if (text === "" || !Number.isFinite(Number(text))) return "Type your number first.";
    const excess = Number(text) - right;
    if (Math.abs(excess) <= within * Math.abs(right)) return "Right.";
    return `Not yet: your number is too ${excess > 0 ? "large" : "small"}.`;
  }

  for (const place of document.querySelectorAll(".epbook-answer")) {
    const { name, asks, sealed, within } = place.dataset;
    const field = Object.assign(document.createElement("input"), {
      id: `${name}-answer`, type: "number", step: "any", autocomplete: "off",
    });
    const label = Object.assign(document.createElement("label"), { htmlFor: field.id, textContent: `Your answer: ${asks}` });
    const button = Object.assign(document.createElement("button"), { type: "submit", textContent: "Check" });
    const verdict = Object.assign(document.createElement("output"), { htmlFor: field.id });
    const form = document.createElement("form");
    form.append(label, field, button, verdict);
    form.noValidate = true;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      verdict.textContent = said(field.value, Number(atob(sealed)), Number(within));
    });
    field.addEventListener("input", () => (verdict.textContent = ""));
    place.replaceChildren(form);
  }
})();
