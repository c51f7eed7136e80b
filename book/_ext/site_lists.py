"""Lists that are made when all pages are read: of algorithms, of exercises, and of the minutes that pages take."""

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

from epbook import concordance

GRADE = re.compile(r",? \(?(easy|medium|hard)\)?\W*$")
WORDS_A_MINUTE, MINUTES_A_CELL = 200, 0.5  # of prose; to look at code and what it prints
SOLUTION = re.compile(r":::\{solution-start\}.*?:::\{solution-end\}", re.DOTALL)
EXERCISE = re.compile(r"^:::\{exercise\}", re.MULTILINE)
CODE = "\x00"  # stands for a cell of code in the text of a notebook


class place_of_list(nodes.General, nodes.Element):
    """Where a list goes when all pages are read."""


class ListDirective(SphinxDirective):
    """`{list-of-algorithms}`, with a line `label: function` for each that the concordance lacks, or `{list-of-exercises}`."""

    has_content = True

    def run(self):
        self.env.note_reread()
        functions = dict(line.split(": ") for line in self.content)
        return [place_of_list(kind=self.name.removeprefix("list-of-").rstrip("s"), functions=functions)]


class FillLists(SphinxPostTransform):
    """A rubric for each page, and below it a line for each of its algorithms or exercises."""

    default_priority = 4  # before references, and before names of the library in code become links

    def run(self, **kwargs):
        for place in list(self.document.findall(place_of_list)):
            place.replace_self(list(self._pages(place["kind"], place["functions"])))

    def _pages(self, kind, functions):
        remark = Functions(functions) if kind == "algorithm" else grade_mark
        for page in self.env.collect_relations():
            found = self.env.metadata[page]["boxes"][kind]
            if found:
                title = self._link(page, None, self.env.titles[page].deepcopy().children)
                yield nodes.rubric("", "", title)
                yield nodes.bullet_list("", *(self._item(page, kind, box, remark) for box in found))

    def _item(self, page, kind, box, remark):
        label, title = box
        numbers = self.env.toc_fignumbers.get(page, {}).get(kind, {}).get(label, ())
        name = f"{kind.capitalize()} {'.'.join(map(str, numbers))}".strip()
        said = GRADE.sub("", title)
        link = self._link(page, label, [nodes.Text(f"{name}: {said}" if said else name)])
        return nodes.list_item("", nodes.paragraph("", "", link, *remark(label, title)))

    def _link(self, page, label, content):
        return make_refnode(self.app.builder, self.env.docname, page, label, content)


def keep_boxes(app, doctree):
    """Note what the lists tell of a page while it is read: it takes half a second to be loaded again."""
    app.env.metadata[app.env.docname]["boxes"] = {kind: list(boxes(doctree, kind)) for kind in ("algorithm", "exercise")}


def boxes(doctree, kind):
    """The label and the title of each algorithm or exercise on a page."""
    for box in doctree.findall(nodes.Element):
        if kind in box.get("classes", ()) and box.get("label"):
            title = box.children[0].astext()
            yield box["label"], re.sub(rf"^{kind.capitalize()}\s*|^\s*\((.*)\)$", r"\1", title).strip()


class Functions:
    """What of the library runs an algorithm, by the concordance or by the list on the page."""

    def __init__(self, more):
        self.known = {row.place: row.function for row in concordance.rows() if row.item.startswith("algorithm")} | more

    def __call__(self, label, title):
        if label not in self.known:
            raise ValueError(f"the list of algorithms has no function for {label}: add a line to its directive")
        return [nodes.Text(" · "), nodes.literal(text=self.known[label])]


def grade_mark(label, title):
    """An exercise's grade, the last word of its title."""
    found = GRADE.search(title)
    return [nodes.Text(" "), nodes.inline(text=found[1], classes=["epbook-grade", found[1]])] if found else []


class ReadingTimes(SphinxDirective):
    """A table of pages, one a line: the minutes to read them, and their exercises; last the sum."""

    has_content = True

    def run(self):
        rows, total = [], 0
        for page in self.content:
            file = next(
                Path(self.env.srcdir, f"book/{page}{suffix}")
                for suffix in (".ipynb", ".md")
                if Path(self.env.srcdir, f"book/{page}{suffix}").exists()
            )
            self.env.note_dependency(str(file))
            minutes, exercises = reading(file)
            total += minutes
            rows.append(f"| [](/book/{file.name}) | {minutes} min | {exercises or ''} |")
        lines = ["| Read | Time | Exercises |", "|---|---:|---:|", *rows, f"| **together** | **{in_hours(total)}** | |"]
        return self.parse_text_to_nodes("\n".join(lines))


def reading(file):
    """The minutes a page takes to read, to the next five, without its exercises' solutions; and how many exercises it has."""
    text = text_of(file)
    read = SOLUTION.sub("", text)
    minutes = len(read.split()) / WORDS_A_MINUTE + read.count(CODE) * MINUTES_A_CELL
    return 5 * max(1, round(minutes / 5)), len(EXERCISE.findall(text))


def text_of(file):
    """The prose of a page, with `CODE` for each cell of code that it shows."""
    source = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        return source
    cells = json.loads(source)["cells"]
    seen = [cell for cell in cells if not {"remove-cell", "remove-input", "hide-input"} & set(cell["metadata"].get("tags", ()))]
    return "\n".join("".join(cell["source"]) if cell["cell_type"] == "markdown" else CODE for cell in seen)


def in_hours(minutes):
    """5 min, 1 h, 2 h 30 min."""
    hours, rest = divmod(minutes, 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest else "") if part)


def setup(app):
    app.add_node(place_of_list)
    app.add_directive("list-of-algorithms", ListDirective)
    app.add_directive("list-of-exercises", ListDirective)
    app.add_directive("reading-times", ReadingTimes)
    app.add_post_transform(FillLists)
    app.connect("doctree-read", keep_boxes)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
