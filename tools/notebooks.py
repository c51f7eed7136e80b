"""Executes the notebooks and keeps them in one form, so that git shows only what changed.

    python tools/notebooks.py run [FILE ...]      execute in order, normalise, store
    python tools/notebooks.py check [FILE ...]    refuse what must not be stored; changes nothing

Without files, all notebooks of the book.
"""

import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
LARGEST = 1_000_000  # bytes
SECONDS_PER_CELL = 300
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CELL_METADATA = {"tags", "mystnb"}
MIME_TYPES = {
    "application/papermill.record/text/plain",
    "image/png",
    "text/html",
    "text/latex",
    "text/markdown",
    "text/plain",
}
# What a stored text must not hold, and the remedy.
REFUSED = [
    (r"\b0x[0-9a-fA-F]{6,}", "a memory address, which differs at each run: end the line with ; or print something else"),
    (
        r"(?<![\w.:/])/(?:home|root|Users|tmp|var|usr|opt|work|private|mnt)/\w[^\s'\"<]*|\b[A-Z]:\\\\?\w[^\s'\"<]*",
        "a path of one machine: print the name of the file only",
    ),
    (
        r"\bnp\.(?:float|int|uint|complex|str|bytes|bool|longdouble|True|False)\w*|\barray\(\[|\bdtype=",
        "numpy's repr: format the number, or print the array",
    ),
]


def run(file):
    """Executes one notebook as a reader would, in its folder, and stores it normalised."""
    os.environ["EPBOOK_WIDGETS"] = "still"
    notebook = nbformat.read(file, as_version=4)
    NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=SECONDS_PER_CELL,
        coalesce_streams=True,
        resources={"metadata": {"path": str(file.parent)}},
    ).execute()
    file.write_text(normalised(notebook), encoding="utf-8")


def normalised(notebook):
    """The text of a notebook without what its last editor and run left in it."""
    notebook = nbformat.from_dict(notebook)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(METADATA)
    executed = 0
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number:02}"
        cell.metadata = {key: value for key, value in cell.metadata.items() if key in CELL_METADATA}
        if cell.cell_type == "code":
            if cell.execution_count is not None:
                executed += 1
                cell.execution_count = executed
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = cell.execution_count
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    address = re.search(r'^repository:\n  url: "([^"]*)"', config, re.MULTILINE)[1]
    return with_address(nbformat.writes(notebook).rstrip("\n") + "\n", address)


def with_address(text, address):
    """A stored notebook whose first cell gets the library from the repository at `address`."""
    return re.sub(r'(REPOSITORY = \\")[^"\\]*', lambda found: found[1] + address, text, count=1)


def complaints(file):
    """What keeps a stored notebook from being accepted: one sentence each, with the remedy."""
    text = file.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    found = []
    if len(text) > LARGEST:
        found.append(f"{file.name}: {len(text):,} bytes, and {LARGEST:,} is the most: draw fewer or smaller figures")
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if code and not any(cell.outputs for cell in code):
        found.append(f"{file.name}: no cell has an output, so nothing would be compared: run make notebooks")
    for number, cell in enumerate(notebook.cells, start=1):
        found += [f"{file.name}, cell {number}: {complaint}" for complaint in _cell_complaints(cell)]
    if not found and text != normalised(notebook):
        found.append(f"{file.name}: not in the one form (order of execution, metadata, ids): run make notebooks")
    return found


def _cell_complaints(cell):
    """The complaints about one cell."""
    if cell.cell_type != "code":
        for body, chapter, number in re.findall(r"\$\$((?:(?!\$\$).)+)\$\$ \(eq-(\d+)-(\d+)\)", cell.source, re.DOTALL):
            if rf"\tag{{{chapter}.{number}}}" not in body:
                yield rf"equation eq-{chapter}-{number} shows its number in the book only: add \tag{{{chapter}.{number}}} for JupyterLab"
        return
    if cell.source.strip() and cell.execution_count is None:
        yield "never executed, so nothing would be compared: run make notebooks"
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"a stored {output.ename}: correct the cell and run make notebooks"
        elif output.output_type == "stream" and output.name == "stderr":
            yield f"stored stderr ({output.text.strip()[:60]!r}): cure the warning, then run make notebooks"
        for mime_type in sorted(set(output.get("data", {})) - MIME_TYPES):
            yield f"an output of type {mime_type}, which git cannot keep in text: display it another way"
        for text in _texts(output):
            for pattern, remedy in REFUSED:
                if match := re.search(pattern, text):
                    yield f"{match.group()!r} is {remedy}"


def _texts(output):
    """What an output says in words; pictures have none."""
    if output.output_type == "stream":
        yield output.text
    for mime_type, content in output.get("data", {}).items():
        if mime_type != "image/png" and isinstance(content, str):
            yield content


def main(arguments):
    """Exit status 0 if all is well, 1 if a notebook was refused or failed, 2 for a wrong call."""
    command, *names = arguments or [""]
    if command not in ("run", "check"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    files = [Path(name).resolve() for name in names] or sorted(BOOK.glob("*.ipynb"))
    found = []
    for file in files:
        if command == "run":
            print(f"executing {file.name}", flush=True)
            run(file)
        found += complaints(file)
    print("\n".join(found) if found else f"{len(files)} notebooks in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
