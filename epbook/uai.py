"""The UAI format of the inference competitions: words separated by blanks; a table's last variable changes fastest.

It holds numbers only, so that the names of variables and states are lost.  Lines that begin with the word c, and
what follows a #, are comments.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from .models import BeliefNetwork, MarkovNetwork
from .terms import Potential

Network = MarkovNetwork | BeliefNetwork


class _Words:
    """The words of a file one by one, with the place of each for errors."""

    def __init__(self, path):
        self.file = Path(path)
        lines = [line.partition("#")[0].split() for line in self.file.read_text("utf-8").splitlines()]
        lines = [[] if line[:1] == ["c"] else line for line in lines]
        self.words = [(word, f"line {k}, word {j}") for k, line in enumerate(lines, 1) for j, word in enumerate(line, 1)]
        self.next = 0

    def fail(self, what, place=None) -> NoReturn:
        """Raise ValueError about the word read last."""
        raise ValueError(f"{self.file.name}, {place or self.words[self.next - 1][1]}: {what}")

    def take(self, what):
        """The next word."""
        if self.next == len(self.words):
            self.fail(f"{what} should follow", "at its end")
        self.next += 1
        return self.words[self.next - 1][0]

    def whole(self, what, low=0, high=math.inf):
        """The next word as a whole number within [low, high]."""
        word = self.take(what)
        if not (word.isascii() and word.isdigit() and low <= int(word) <= high):
            limits = f"from {low} to {high}" if high < math.inf else f"of at least {low}"
            self.fail(f"{what} should be a whole number {limits}, not {word!r}")
        return int(word)

    def entry(self, what):
        """The next word as a number >= 0."""
        word = self.take(what)
        try:
            number = math.nan if "_" in word else float(word)  # Python's 1_0 is no number of the format
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            self.fail(f"{what} should be a finite number >= 0, not {word!r}")
        return number

    def end(self):
        """There are no more words."""
        if self.next < len(self.words):
            word = self.take("")
            self.fail(f"the file should end before {word!r}")


def read_uai(path: Any) -> Network:
    """Read a network in the UAI format.

    Args:
        path: of the file.

    Returns:
        A `MarkovNetwork` from a file that begins with MARKOV, a `BeliefNetwork` from one that begins with BAYES.

    Raises:
        ValueError: tells the file, the line, the word and what should stand there; of tables that do not make
            a belief network, which and why.

    Example:
        >>> import tempfile
        >>> from epbook.models.networks import asia
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_uai(asia(), Path(folder) / "asia.uai")
        ...     again = read_uai(Path(folder) / "asia.uai")
        >>> again.parents == asia().parents
        True

    Book: section 4.2.
    """
    words = _Words(path)
    kind = words.take("MARKOV or BAYES")
    if kind not in ("MARKOV", "BAYES"):
        words.fail(f"the file should begin with MARKOV or BAYES, not {kind!r}")
    n = words.whole("the number of variables", 1)
    cardinalities = [words.whole(f"the number of states of variable {v}", 1) for v in range(n)]
    scopes = [_scope(words, i, n) for i in range(words.whole("the number of tables"))]
    tables = [_table(words, i, [cardinalities[v] for v in scope]) for i, scope in enumerate(scopes)]
    words.end()
    if kind == "BAYES":
        return _bayes(words, cardinalities, scopes, tables)
    potentials = [Potential(scope, table) for scope, table in zip(scopes, tables) if scope]
    # a factor without variables is kept with a variable, apart from the others, as their product may underflow
    constants = [Potential((0,), np.full(cardinalities[0], table)) for table in tables if table.ndim == 0 and table != 1]
    return MarkovNetwork(cardinalities, potentials + constants)


def _scope(words, i, n):
    """The variables of table i."""
    size = words.whole(f"the number of variables of table {i}", 0, n)
    scope = []
    for _ in range(size):
        scope.append(words.whole(f"a variable of table {i}", 0, n - 1))
        if scope[-1] in scope[:-1]:
            words.fail(f"variable {scope[-1]} stands twice in table {i}")
    return tuple(scope)


def _table(words, i, shape):
    """The entries of table i."""
    entries = math.prod(shape)
    given = words.whole(f"the number of entries of table {i}")
    if given != entries:
        words.fail(f"table {i} has {entries} entries by its variables, not {given}")
    table = np.array([words.entry(f"entry {k} of table {i}") for k in range(entries)]).reshape(shape)
    if not table.any():
        words.fail(f"table {i} is zero everywhere")
    return table


def _bayes(words, cardinalities, scopes, tables):
    """The last variable of each table is its child."""
    children = [scope[-1] for scope in scopes if scope]
    if sorted(children) != list(range(len(cardinalities))) or len(scopes) > len(children):
        words.fail(f"BAYES needs one table a variable, its last variable; the last ones are {children}", "the preamble")
    try:
        return BeliefNetwork({scope[-1]: (scope[:-1], table) for scope, table in zip(scopes, tables)})
    except ValueError as error:
        words.fail(str(error), "as a whole")


def write_uai(network: Network, path: Any) -> None:
    """Write a network in the UAI format, every number with all its digits.

    Args:
        network: a `BeliefNetwork` is written as BAYES, a `MarkovNetwork` as MARKOV.
        path: of the file, which is overwritten.

    Raises:
        ValueError: if a group's table over- or underflows, so that no number can be written; nothing is then written.

    Book: section 4.2.
    """
    lines = ["BAYES" if isinstance(network, BeliefNetwork) else "MARKOV", str(len(network.cardinalities))]
    lines += [" ".join(map(str, network.cardinalities)), str(len(network.terms))]
    lines += [" ".join(map(str, [len(term.variables), *term.variables])) for term in network.terms]
    for term in network.terms:
        if not np.isfinite(term.table).all() or ((term.table == 0) & (term.log_table > -np.inf)).any():
            raise ValueError(f"{term} over- or underflows: its entries cannot be written as numbers")
        rows = term.table.reshape(-1, term.table.shape[-1]).tolist()
        lines += ["", str(term.table.size), *(" ".join(map(repr, row)) for row in rows)]
    Path(path).write_text("\n".join(lines) + "\n", "utf-8")


def read_uai_evidence(path: Any) -> dict[int, int]:
    """Read observed states: their number, then pairs of variable and state.

    A file that begins with the number of such samples, as older ones do, may hold only one.

    Args:
        path: the file, a str or a Path.

    Returns:
        State by variable, for `observe`.

    Raises:
        ValueError: tells the file, the line, the word and what should stand there.

    Book: section 4.2.
    """
    words = _Words(path)
    if len(words.words) % 2 == 0:  # one word more than the pairs and their number
        words.whole("the number of samples", 1, 1)
    evidence: dict[int, int] = {}
    for _ in range(words.whole("the number of observed variables")):
        variable = words.whole("an observed variable")
        if variable in evidence:
            words.fail(f"variable {variable} is observed twice")
        evidence[variable] = words.whole(f"the state of variable {variable}")
    words.end()
    return evidence


def write_uai_evidence(evidence: Mapping[int, int], path: Any) -> None:
    """Write observed states, as `read_uai_evidence` reads them.

    Args:
        evidence: state by variable, both numbers.
        path: of the file, which is overwritten.

    Book: section 4.2.
    """
    numbers = [len(evidence), *(number for pair in evidence.items() for number in pair)]
    Path(path).write_text(" ".join(map(str, numbers)) + "\n", "utf-8")
