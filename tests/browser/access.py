"""What a page owes to readers with a keyboard, a screen reader, a phone or weak sight."""

from axe_playwright_python.base import AXE_SCRIPT

GRAVE = {"serious", "critical"}
STILL = "*, ::before, ::after { transition: none !important; animation: none !important }"
OPEN = """() => {
  for (const box of document.querySelectorAll("details")) box.open = true;
  for (const box of document.querySelectorAll(".toggle-hidden")) box.classList.remove("toggle-hidden");
}"""
# Axe takes a minute for the 25 000 elements of a chapter: those inside a
# formula hold no text of their own, and the colour of a word of code depends on its class alone, so one of each remains.
THIN = """() => {
  for (const formula of document.querySelectorAll("mjx-container")) {
    if (formula.scrollWidth <= formula.clientWidth) formula.textContent = "x";
  }
  const seen = new Set();
  for (const code of document.querySelectorAll(".highlight pre")) {
    const place = code.closest(".cell_input, .cell_output")?.classList[0];
    for (const word of code.querySelectorAll("span:not(:has(*))")) {
      const kind = `${place} ${word.className}`;
      if (seen.has(kind)) word.replaceWith(word.textContent);
      seen.add(kind);
    }
    code.normalize();
  }
}"""
AGAIN = "dispatchEvent(new Event('resize'))"  # thinned formulas leave the others another room
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
SCROLLING = """[...document.querySelectorAll(".highlight pre")]
  .filter(code => code.checkVisibility() && code.scrollWidth > code.clientWidth).map(code => code.tabIndex)"""
HEADINGS = """[...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter(heading => heading.checkVisibility()).map(heading => [Number(heading.tagName[1]), heading.textContent.trim()])"""
UNLIT = """[...document.querySelectorAll("article figure img, article .cell_output img")].filter(image => {
  const style = getComputedStyle(image), light = style.backgroundColor.match(/\\d+/g).slice(0, 3).every(part => part > 230);
  return image.checkVisibility() && !(light && style.filter === "none");
}).map(image => image.alt)"""
CUT_OFF = """[...document.querySelectorAll("span.math")].filter(formula => {
  const drawn = formula.querySelector("mjx-math").getBoundingClientRect(), room = formula.getBoundingClientRect();
  return formula.checkVisibility() && drawn.right > room.right + 1 && getComputedStyle(formula).overflowX === "hidden";
}).map(formula => formula.textContent)"""
MARK = """() => {
  const stop = document.activeElement;
  const mark = () => [stop, ...stop.children].map(part => {  // the theme frames an arrow within its summary
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(part);
    const shadow = /[1-9][0-9.]*px/.test(boxShadow) ? boxShadow : "";
    return outlineStyle === "none" ? shadow : `${outlineWidth} ${shadow}`;
  }).join();
  const focused = mark();
  stop.blur();
  const plain = mark();
  stop.focus({ focusVisible: true });
  return { name: stop.outerHTML.slice(0, 100), visible: focused !== plain };
}"""


def headings_out_of_order(page):
    """What is wrong with the headings: not one h1, or a level left out."""
    headings = page.evaluate(HEADINGS)
    levels = [level for level, _ in headings]
    wrong = [] if levels.count(1) == 1 else [f"{levels.count(1)} headings are h1"]
    steps = zip([0, *levels], headings)
    return wrong + [f"h{level} {text!r} follows h{before}" for before, (level, text) in steps if level > before + 1]


def open_all(page):
    """Opens what is folded, and waits until the page has noticed."""
    page.evaluate(OPEN)
    page.evaluate(DRAWN)


def tab_stops_of_scrolling_code(page):
    """The tabindex of each block of code that is seen and wider than the page."""
    return page.evaluate(SCROLLING)


def violations(page, *rules):
    """The grave ones that axe-core finds on a page, by all rules or by these; thins it for good, so let it be the last test."""
    if not page.evaluate("!!window.axe"):
        open_all(page)  # to be looked at
        page.evaluate(THIN)
        page.add_style_tag(content=STILL)
        page.evaluate(AXE_SCRIPT)
        page.evaluate(AGAIN)
    only = {"runOnly": rules} if rules else {}
    found = page.evaluate("options => axe.run(options)", {"resultTypes": ["violations"], **only})["violations"]
    nodes = [(rule, node) for rule in found if rule["impact"] in GRAVE for node in rule["nodes"]]
    return [f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}" for rule, node in nodes]


def figures_without_a_light_card(page):
    """Figures that the dark theme leaves on a dark ground, or dims; they are drawn for a white one."""
    return page.evaluate(UNLIT)


def formulas_cut_off(page):
    """Formulas in a line that are wider than the page and cannot be scrolled."""
    return page.evaluate(CUT_OFF)


def stops_without_a_mark(page, count):
    """Which of the next stops of the Tab key do not show that they have the focus."""
    page.add_style_tag(content=STILL)
    stops = []
    for _ in range(count):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(MARK))
    return [stop["name"] for stop in stops if not stop["visible"]]
