"""The study aids: glossary, lists of algorithms and exercises, reading times."""

import json
import re
import sys

import pytest
import yaml
from docutils import nodes
from sources import ROOT, labels, pages
from sphinx import addnodes

sys.path.insert(0, str(ROOT / "book" / "_ext"))  # as Jupyter Book does

import site_lists
import site_study

GLOSSARY = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
TERM = re.compile(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`")


def terms():
    """Every term of the glossary, in small letters, and its definition."""
    listing = re.search(r"```\{glossary\}\n:sorted:\n(.*)```", GLOSSARY, re.DOTALL)[1]
    entries = re.findall(r"^((?:\S.*\n)+)((?:  .*\n|\n)+)", listing, re.MULTILINE)
    return {name.lower(): said for names, said in entries for name in names.splitlines()}


def test_the_glossary_says_each_term_in_plain_words_and_where_it_is():
    assert len(terms()) > 50
    for term, said in terms().items():
        definition, where = [" ".join(part.split()) for part in said.strip().split("\n\n")]
        assert 40 < len(definition) < 260 and definition.endswith(".") and not set("$`[") & set(definition), term
        assert set(re.findall(r"\(#([\w-]+)\)", where)) <= labels(), term


def test_pages_use_terms_that_the_glossary_has():
    used = {(file.name, term.lower()) for file, text in pages().items() for term in TERM.findall(text)}
    assert {file for file, _ in used} >= {"refresher.ipynb", "notation.md"}
    assert [(file, term) for file, term in sorted(used) if " ".join(term.split()) not in terms()] == []


def test_a_definition_is_the_first_paragraph_under_every_name():
    said = nodes.definition("", nodes.paragraph(text="What it is."), nodes.paragraph(text="Where it is."))
    item = nodes.definition_list_item("", nodes.term("", "EP", ids=["term-EP"]), nodes.term("", "ep", ids=["term-ep"]), said)
    page = nodes.section("", addnodes.glossary("", nodes.definition_list("", item)))
    assert site_study.definitions(page) == {"term-EP": "What it is.", "term-ep": "What it is."}


def notebook(path, *cells):
    """A notebook of (kind, text, tags)."""
    made = [{"cell_type": kind, "source": text, "metadata": {"tags": tags}} for kind, text, *tags in cells]
    path.write_text(json.dumps({"cells": made}), encoding="utf-8")
    return path


def test_reading_time_counts_prose_and_shown_code_and_no_solution(tmp_path):
    prose = ("markdown", "word " * 2000)
    assert site_lists.reading(notebook(tmp_path / "a.ipynb", prose)) == (10, 0)
    shown, hidden = ("code", "1 + 1"), ("code", "1 + 1", "hide-input")
    assert site_lists.reading(notebook(tmp_path / "b.ipynb", prose, *[shown] * 20, *[hidden] * 20)) == (20, 0)
    exercise = ("markdown", ":::{exercise} One, easy\nDo it.\n:::")
    solution = [("markdown", ":::{solution-start} ex-1\n:::"), prose, shown, ("markdown", ":::{solution-end}\n:::")]
    assert site_lists.reading(notebook(tmp_path / "c.ipynb", prose, exercise, *solution)) == (10, 1)
    (tmp_path / "d.md").write_text("word " * 100, encoding="utf-8")
    assert site_lists.reading(tmp_path / "d.md") == (5, 0)


@pytest.mark.parametrize("minutes, said", [(5, "5 min"), (60, "1 h"), (150, "2 h 30 min")])
def test_hours(minutes, said):
    assert site_lists.in_hours(minutes) == said


@pytest.mark.parametrize(
    "title, grade", [("Two points, easy", "easy"), ("Two points (hard)", "hard"), ("A hard nut", None), ("", None)]
)
def test_an_exercises_grade_is_the_last_word_of_its_title(title, grade):
    mark = site_lists.grade_mark("ex-1", title)
    assert [node.astext() for node in mark[1:]] == ([grade] if grade else [])


def test_titles_lose_the_kind_and_the_brackets_they_are_shown_with():
    for shown, said in {" (Two points, easy)": "Two points, easy", "Exercise Two points": "Two points", "Exercise": ""}.items():
        box = nodes.container("", nodes.title(text=shown), classes=["exercise"], label="ex-1")
        assert list(site_lists.boxes(nodes.section("", box), "exercise")) == [("ex-1", said)]


def test_every_algorithm_of_the_book_has_a_function():
    text = (ROOT / "book" / "algorithms.md").read_text(encoding="utf-8")
    more = dict(re.findall(r"^(alg-[\w-]+): (\S+)$", text, re.MULTILINE))
    known = site_lists.Functions(more).known
    boxes = {label for page in pages().values() for label in re.findall(r":{3,}\{prf:algorithm\}.*\n:label: ([\w-]+)", page)}
    assert boxes and boxes <= set(known) and set(more) <= boxes
    with pytest.raises(ValueError, match="no function for alg-new: add a line"):
        site_lists.Functions(more)("alg-new", "New")


def test_every_page_of_the_book_is_in_its_contents():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = [contents["root"], *(page["file"] for part in contents["parts"] for page in part["chapters"])]
    written = {f"book/{file.stem}" for file in pages() if file.parent.name == "book"}
    assert len(listed) == len(set(listed)) and written <= set(listed)


def chapters():
    """Each chapter's file name, and its text; the page of the benchmarks derives nothing and asks nothing."""
    return {file.name: text for file, text in pages().items() if re.match(r"[1-8]-", file.name)}


@pytest.mark.parametrize("name", chapters())
def test_a_chapter_grades_its_exercises_and_asserts_the_answers_it_checks(name):
    titles = re.findall(r"^:::\{exercise\}(.*)", chapters()[name], re.MULTILINE)
    assert 3 <= len(titles) <= 6
    assert [title for title in titles if not title.endswith((", easy", ", medium", ", hard"))] == []
    asked = re.findall(r"^(\w+) = Answer\(", chapters()[name], re.MULTILINE)
    assert asked and [answer for answer in asked if f"{answer}.accepts(" not in chapters()[name]] == []
    assert len(set(TERM.findall(chapters()[name]))) >= 5
