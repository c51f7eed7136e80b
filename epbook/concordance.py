"""Where each item of the thesis is found, checked and judged in this book.

One file, `data/concordance.toml`, holds the thesis's printed values and our verdicts; the
chapters quote the thesis from it, and the book renders it as a page.
"""

import tomllib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

VERDICTS = ("reproduced", "differs", "not recoverable", "corrected")
FIRST_PAGES = (5, 8, 13, 31, 42, 68)  # of the thesis's chapters


@dataclass(frozen=True)
class Row:
    """One item of the thesis.

    Attributes:
        item: its name there, such as "figure 3-4" or "equation 5.24".
        page: the thesis's page number.
        thesis: what is printed or claimed, in a phrase.
        place: the label of our figure, equation, algorithm or section.
        function: the `epbook` function that computes it, or "".
        check: where it is checked: a test id, or a notebook of the book.
        verdict: one of `VERDICTS`, then, after a colon, why.
        value: the printed numbers where there are any, else None.
    """

    item: str
    page: int
    thesis: str
    place: str
    function: str
    check: str
    verdict: str
    value: Any = None

    @property
    def judged(self) -> str:
        """The verdict without its reason."""
        return self.verdict.partition(":")[0]

    @property
    def chapter(self) -> int:
        """The chapter of the thesis, by the page."""
        return bisect_right(FIRST_PAGES, self.page)


@cache
def rows() -> tuple[Row, ...]:
    """All rows, in the order of the thesis."""
    with resources.files("epbook").joinpath("data", "concordance.toml").open("rb") as file:
        return tuple(Row(**row) for row in tomllib.load(file)["row"])


def thesis(item: str) -> Row:
    """The row of one item.

    Raises:
        KeyError: if the concordance has no such item; the message lists those that start alike.

    Example:
        >>> thesis("covariance of the 3-point problem, EP").value[0]
        [0.358, 0.0589, -0.118]
    """
    for row in rows():
        if row.item == item:
            return row
    near = [row.item for row in rows() if row.item[:6] == item[:6]]
    raise KeyError(f"the concordance has no item {item!r}; near it: {near}")
