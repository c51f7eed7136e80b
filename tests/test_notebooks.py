"""The stored notebooks are in order, and the check refuses each thing that would spoil them."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import notebooks

ROOT = Path(__file__).parents[1]
FIGURE = """\
import matplotlib.pyplot as plt
from epbook.widgets import glue, show
figure, axes = plt.subplots(figsize=(4, 3))
axes.plot([0, 1, 2], [3.0, 1.0, 2.0])
show(figure, name="fig-0-1", caption="**Figure 0-1.** A line.", alt="A line through 3 points.")
print("one"); print("two")
glue("half", 0.5, ".2f")
6 * 7"""


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def result(data):
    return new_output("display_data", data=data)


@pytest.fixture
def store(tmp_path):
    """Writes cells as a notebook in the accepted form and returns its file."""

    def write(*cells):
        file = tmp_path / "small.ipynb"
        file.write_text(notebooks.normalised(new_notebook(cells=list(cells))), encoding="utf-8")
        return file

    return write


def cell(*outputs, source="print(1)", count=1):
    return new_code_cell(source, execution_count=count, outputs=list(outputs))


@pytest.mark.parametrize("file", sorted(notebooks.BOOK.glob("*.ipynb")), ids=lambda file: file.name)
def test_notebook_is_in_order(file):
    assert notebooks.complaints(file) == []


def test_a_good_notebook_is_accepted(store):
    assert notebooks.complaints(store(new_markdown_cell("# Title"), cell(stream("1\n")), cell(source="x = 1"))) == []


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (stream("careful\n", name="stderr"), r"cell 2: stored stderr \('careful'\)"),
        (new_output("error", ename="ValueError", evalue="no", traceback=[]), "cell 2: a stored ValueError"),
        (result({"text/plain": "<object at 0x7f2a4bc01d20>"}), "cell 2: '0x7f2a4bc01d20' is a memory address"),
        (stream("saved in /mnt/disk/book/a.csv\n"), "cell 2: '/mnt/disk/book/a.csv' is a path of one machine"),
        (stream("saved in C:\\Users\\ann\n"), "is a path of one machine"),
        (result({"text/plain": "np.float64(2.5)"}), "cell 2: 'np.float64' is numpy's repr"),
        (result({"text/plain": "np.True_"}), "is numpy's repr"),
        (result({"text/plain": "array([1., 2.])"}), "is numpy's repr"),
        (result({"application/papermill.record/text/plain": "np.int64(3)"}), "is numpy's repr"),
        (result({"image/svg+xml": "<svg/>"}), r"cell 2: an output of type image/svg\+xml"),
        (result({"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}), "widget-view"),
    ],
)
def test_refused_outputs(store, output, complaint):
    with pytest.raises(AssertionError, match=complaint):
        assert notebooks.complaints(store(new_markdown_cell("# Title"), cell(output))) == []


def test_what_git_would_not_miss_is_accepted(store):
    harmless = "ratio 3/4, 1.5e-05/s, see figure/home, https://example.org/mnt/disk, factor 0x10\n"
    assert notebooks.complaints(store(cell(stream(harmless)))) == []


def test_unexecuted_cells_are_refused(store):
    file = store(cell(stream("1\n")), new_code_cell("print(2)"))
    assert notebooks.complaints(file) == [
        "small.ipynb, cell 2: never executed, so nothing would be compared: run make notebooks"
    ]


def test_thesis_equations_carry_their_tags(store):
    good, bad = r"$$a = b \tag{3.1}$$ (eq-3-1)", "$$b = c$$ (eq-3-2)"
    assert notebooks.complaints(store(new_markdown_cell(good), cell(stream("1\n")))) == []
    (complaint,) = notebooks.complaints(store(new_markdown_cell(f"{good}\n\n{bad}"), cell(stream("1\n"))))
    assert complaint.startswith("small.ipynb, cell 1: equation eq-3-2 shows its number in the book only")


def test_a_stripped_notebook_is_refused(store):
    assert "no cell has an output" in notebooks.complaints(store(cell(), cell()))[0]


def test_a_large_notebook_is_refused(store):
    assert "1,000,000 is the most" in notebooks.complaints(store(cell(stream("1" * 1_000_001))))[0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda notebook: notebook.cells[0].update(execution_count=7),
        lambda notebook: notebook.cells[0].update(id="a1b2c3"),
        lambda notebook: notebook.cells[0].metadata.update(collapsed=True),
        lambda notebook: notebook.metadata.language_info.update(version="3.11.7"),
        lambda notebook: notebook.metadata.kernelspec.update(name="my-own"),
        lambda notebook: notebook.metadata.update(widgets={}),
    ],
)
def test_notebooks_in_another_form_are_refused(store, spoil):
    file = store(cell(stream("1\n")))
    notebook = nbformat.read(file, as_version=4)
    spoil(notebook)
    nbformat.write(notebook, file)
    assert notebooks.complaints(file) == [
        "small.ipynb: not in the one form (order of execution, metadata, ids): run make notebooks"
    ]


def test_tags_survive(store):
    tagged = cell(stream("1\n"))
    tagged.metadata = {"tags": ["hide-input"], "editable": True}
    assert nbformat.read(store(tagged), as_version=4).cells[0].metadata == {"tags": ["hide-input"]}


def test_running_twice_gives_the_same_bytes(store):
    file = store(new_markdown_cell("# Title"), new_code_cell(FIGURE))
    notebooks.run(file)
    first = file.read_bytes()
    assert notebooks.complaints(file) == []
    assert b"image/png" in first and b"one\\n" in first
    notebooks.run(file)
    assert file.read_bytes() == first


def test_the_command_names_what_it_refuses(store):
    file = store(new_code_cell("print(2)"))
    done = subprocess.run([sys.executable, ROOT / "tools" / "notebooks.py", "check", file], capture_output=True, text=True)
    assert done.returncode == 1
    assert "small.ipynb, cell 1: never executed" in done.stdout


@pytest.mark.parametrize("call", [[], ["tidy"]])
def test_a_wrong_call_shows_the_right_ones(call, capsys):
    assert notebooks.main(call) == 2
    assert "check [FILE ...]" in capsys.readouterr().err
