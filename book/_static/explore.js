// Sliders for the figures that epbook.widgets.explore draws beforehand, one frame per setting.
// Without this script a page shows the default frame and its table of values.
(() => {
  "use strict";

  function element(tag, properties, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }

  // The address keeps what differs from the default, as fig-3-1.w=0.5, and leaves the rest alone.
  function remember(key, text, isDefault) {
    const address = new URL(location.href);
    if (isDefault) address.searchParams.delete(key);
    else address.searchParams.set(key, text);
    if (address.href === location.href) return;
    try {
      history.replaceState(history.state, "", address);
    } catch {
      // Some browsers refuse many changes in a short time; the figure moves all the same.
    }
  }

  function remembered(key, texts, start) {
    const index = texts.indexOf(new URL(location.href).searchParams.get(key));
    return index < 0 ? start : index;
  }

  function explore(figure) {
    const data = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    const image = figure.querySelector("img");
    const says = figure.querySelector(".epbook-says");

    const sliders = Object.entries(data.grids).map(([name, texts]) => {
      const key = `${figure.dataset.name}.${name}`;
      const range = { type: "range", min: 0, max: texts.length - 1, step: 1, autocomplete: "off" };
      const input = element("input", { id: key, ...range });
      const value = element("output", { htmlFor: key });
      value.setAttribute("aria-live", "off"); // the slider itself speaks its value
      value.style.minWidth = `${Math.max(...texts.map((text) => text.length))}ch`; // so that the slider keeps its length
      input.value = remembered(key, texts, data.default[name]);
      const label = element("label", { htmlFor: key }, data.labels[name]);
      return { name, key, texts, input, value, label };
    });

    function update() {
      let frame = 0; // frames are stored with the last slider fastest
      for (const { texts, input, value } of sliders) {
        const text = texts[input.valueAsNumber];
        frame = frame * texts.length + input.valueAsNumber;
        value.textContent = text;
        input.setAttribute("aria-valuetext", text);
      }
      image.src = data.frames[frame].src;
      image.alt = says.textContent = data.frames[frame].says;
      for (const { name, key, texts, input } of sliders) {
        remember(key, texts[input.valueAsNumber], input.valueAsNumber === data.default[name]);
      }
    }

    const reset = element("button", { type: "button" }, "Reset");
    reset.addEventListener("click", () => {
      for (const { name, input } of sliders) input.value = data.default[name];
      update();
    });

    const rows = sliders.map(({ label, input, value }) =>
      element("div", { className: "epbook-slider" }, label, input, value)
    );
    const controls = element("div", { className: "epbook-controls" }, ...rows, reset);
    controls.addEventListener("input", update);
    figure.prepend(controls);
    update();
  }

  // Loaded with `defer`, so that the figures are there.
  document.querySelectorAll(".epbook-explore").forEach(explore);
})();
