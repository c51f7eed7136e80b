"""The concordance: whole, and every row leads to a place, a function and a check that exist."""

import pkgutil
import re

import pytest
from sources import check_exists, labels

from epbook.concordance import FIRST_PAGES, VERDICTS, rows, thesis

# What the thesis numbers, by its contents pages and its last number in each chapter.
SECTIONS = [
    *("chapter 1", "chapter 2", "3.1", "3.2", "3.2.1", "3.2.2", "3.3", "3.3.1", "3.3.2", "3.3.3", "3.3.4"),
    *("4.1", "4.2", "4.2.1", "4.2.2", "4.2.3", "4.2.4", "5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "5.7", "5.8", "chapter 6"),
]
FIGURES = {2: 1, 3: 7, 4: 6, 5: 15}
EQUATIONS = {1: 4, 2: 23, 3: 115, 4: 76, 5: 110}
LAST_PAGE = 70


def test_every_row_leads_somewhere():
    known = labels()
    for row in rows():
        assert row.judged in VERDICTS and row.thesis, row.item
        assert FIRST_PAGES[0] <= row.page <= LAST_PAGE and 1 <= row.chapter <= len(FIRST_PAGES), row.item
        assert row.place in known, f"{row.item}: the book has no label {row.place!r}"
        check_exists(row.check)
        assert not row.function or pkgutil.resolve_name(row.function) is not None


def test_items_differ():
    assert len({row.item for row in rows()}) == len(rows()) > 200
    with pytest.raises(KeyError, match="no item 'figure 9-9'"):
        thesis("figure 9-9")


def test_every_section_has_a_row():
    items = {row.item for row in rows()}
    assert [name for name in SECTIONS if (name if "chapter" in name else f"section {name}") not in items] == []


def test_every_figure_has_a_row():
    found = {name for row in rows() for name in re.findall(r"^figure (\d-\d+)", row.item)}
    assert found == {f"{chapter}-{number}" for chapter, last in FIGURES.items() for number in range(1, last + 1)}


def test_every_numbered_equation_has_a_row():
    """A row names one equation, or a range of them; an algorithm's row begins with the range it is printed with."""
    found = set()
    for row in rows():
        name = re.match(r"equations? (\d)\.(\d+)(?: (?:to|and) \1\.(\d+))?$", row.item) or re.match(
            r"\((\d)\.(\d+)\)-\(\1\.(\d+)\)", row.thesis
        )
        if name:
            chapter, first, last = (int(number or name[2]) for number in name.groups())
            found |= {(chapter, number) for number in range(first, last + 1)}
    assert found == {(chapter, number) for chapter, last in EQUATIONS.items() for number in range(1, last + 1)}


def test_a_check_that_does_not_exist_is_refused():
    for wrong in (
        "tests/test_nowhere.py",
        "tests/test_concordance.py::test_nothing",
        "tests/sources.py",
        "book/index.md",
        "book/references.md",
    ):
        with pytest.raises(AssertionError):
            check_exists(wrong)
