"""The slips of the thesis, each with what holds instead and the check that shows it.

One file, `data/errata.toml`, which the book renders as a page.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

KINDS = ("slip", "condition", "omission", "copy")


@dataclass(frozen=True)
class Erratum:
    """One slip.

    Attributes:
        item: where in the thesis, by its name in the concordance if it has a row there.
        page: the thesis's page number.
        kind: "slip" if what is printed is wrong, "condition" if it holds under a condition only, "omission" if
            something needed is not printed, "copy" if the one copy at hand cannot tell.
        printed: what is printed, in a phrase or TeX.
        correct: what holds.
        why: the reason, in a sentence.
        place: the label of the place in the book.
        check: a test id, or a notebook of the book.
    """

    item: str
    page: int
    kind: str
    printed: str
    correct: str
    why: str
    place: str
    check: str


@cache
def errata() -> tuple[Erratum, ...]:
    """All errata, in the order of the thesis.

    Example:
        >>> errata()[0].page
        10
    """
    with resources.files("epbook").joinpath("data", "errata.toml").open("rb") as file:
        return tuple(Erratum(**row) for row in tomllib.load(file)["erratum"])
