"""The concordance and the errata as tables, links and mathematics included."""

from collections import Counter
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from site_numbers import in_words
from sphinx.util.docutils import SphinxDirective

from epbook import concordance
from epbook.errata import errata

ROOT = Path(__file__).resolve().parents[2]


class TableFromData(SphinxDirective):
    """A table of one file of the library's data, of three columns that a phone stacks."""

    def table(self, file, head, widths, rows):
        """The table, from rows of cells of paragraphs in Markdown, and the nodes of its body's rows."""
        self.env.note_dependency(str(ROOT / "epbook" / "data" / file))
        lines = ["```{list-table}", ":header-rows: 1", f":widths: {widths}", ":class: epbook-rows"]
        for row in [[[name] for name in head], *rows]:
            for number, cell in enumerate(row):
                lines += [("  - " if number else "* - ") + "\n\n    ".join(cell)]
        (table,) = self.parse_text_to_nodes("\n".join([*lines, "```"]))
        (body,) = table.findall(nodes.tbody)
        return table, body.children


class Concordance(TableFromData):
    """The rows of one chapter of the thesis, each of the class of its verdict."""

    required_arguments = 1

    def run(self):
        chapter = directives.nonnegative_int(self.arguments[0])
        rows = sorted(
            (row for row in concordance.rows() if row.chapter == chapter), key=lambda row: (row.page, "chapter" not in row.item)
        )
        table, lines = self.table(
            "concordance.toml", ["In the thesis", "What it says", "What came out"], "24 34 42", map(cells, rows)
        )
        for row, line in zip(rows, lines, strict=True):
            line["classes"] += [named(row.judged), *["epbook-section"] * row.item.startswith(("chapter", "section"))]
        return [table]


class ConcordanceFilter(SphinxDirective):
    """How many rows have each verdict, as buttons that show these rows only; the style sheet does it."""

    def run(self):
        self.env.note_dependency(str(ROOT / "epbook" / "data" / "concordance.toml"))
        counts = Counter(row.judged for row in concordance.rows())
        total = button("all", sum(counts.values()), " checked")
        buttons = total + "".join(button(verdict, counts[verdict]) for verdict in concordance.VERDICTS)
        return [nodes.raw("", f'<fieldset class="epbook-filter"><legend>Show</legend>{buttons}</fieldset>', format="html")]


def button(name, count, checked=""):
    return f'<label><input type="radio" name="verdict" id="show-{named(name)}"{checked}> {name} ({count})</label>'


class Errata(TableFromData):
    """The table of `epbook.errata`."""

    def run(self):
        rows = [
            (
                [f"{row.item}, p. {row.page}", f"*{row.kind}*"],
                [f"Printed: {row.printed}", f"Holds: {row.correct}"],
                [row.why, f"{link(row.place)} · {code(row.check)}"],
            )
            for row in errata()
        ]
        return [
            self.table("errata.toml", ["In the thesis", "Printed, and what holds", "Why, and the check"], "22 44 34", rows)[0]
        ]


def cells(row):
    verdict, colon, why = row.verdict.partition(":")
    verdict = "[corrected](#sec-errata)" if verdict == "corrected" else verdict
    names = " · ".join(code(name) for name in (row.function, row.check) if name)
    return [f"{row.item}, p. {row.page}"], [row.thesis], [f"**{verdict}**{colon}{why}", f"{link(row.place)} · {names}"]


def link(label):
    return f"[{in_words(label)}](#{label})"


def code(name):
    """A function or a check as code, its folder left out."""
    return f"`{name.removeprefix('book/').removeprefix('tests/')}`"


def named(verdict):
    return verdict.replace(" ", "-")


def setup(app):
    app.add_directive("concordance", Concordance)
    app.add_directive("concordance-filter", ConcordanceFilter)
    app.add_directive("errata", Errata)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
