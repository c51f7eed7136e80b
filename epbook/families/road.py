"""Messages through a junction forest to a term, and back.

Everything is in logs, where 0 is -inf and 0 / 0 is 0: what one table forbids stays forbidden.
The variables of every table are in increasing order, so a reshape lines any two of them up.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

LARGEST = 2**22  # entries of a table
NOTHING = -1e300  # log 0 to subtract: -inf less itself would be NaN, and -inf less this is -inf
SMALL = 64  # entries of a table whose sum costs less than the call of a function


def log_sum(table, axes):
    """log of the sum of exp(table) over these axes."""
    if not axes:
        return table
    if table.size <= SMALL:
        return np.logaddexp.reduce(table, axis=axes)
    top = np.maximum(table.max(axis=axes, keepdims=True), NOTHING)
    with np.errstate(divide="ignore"):
        total = np.log(np.exp(table - top).sum(axis=axes))
    return total + top.reshape(total.shape)


def log_sum_flops(size, left):
    """Operations of a log_sum of a table of `size` entries that leaves `left`."""
    if size == left:
        return 0
    return 4 * (size - left) if size <= SMALL else 3 * size + left


def log_ratio(above, below):
    """log of the quotient, with 0 / 0 = 0."""
    return above - np.maximum(below, NOTHING)


class Step(NamedTuple):
    """How one clique exchanges messages with its parent.

    Attributes:
        parent: position of the parent.
        spread: shape of the clique's own table, spread over all variables that it holds.
        carried: axes of those that it only carries for the term.
        up: axes summed out of the clique on the way up.
        down: axes summed out of the parent on the way down.
        in_parent: shape of a message in the parent's table.
        in_clique: shape of a message in the clique's table.
        size: entries of the table over all variables that the clique holds.
        own, shared: entries of the clique's own table and of a message.
    """

    parent: int
    spread: tuple[int, ...]
    carried: tuple[int, ...]
    up: tuple[int, ...]
    down: tuple[int, ...]
    in_parent: tuple[int, ...]
    in_clique: tuple[int, ...]
    size: int
    own: int
    shared: int


class Road:
    """The way from the cliques of a junction forest to a term on `variables`, which may be none.

    Position 0 is the term itself, a clique without a table; the roots of the forest are its children.
    Each clique carries up to the term those of its variables that stand below.  An edge (a, b)
    at the ends of a path with K states a variable so costs O(L K^3), as by forward-backward recursions.

    Args:
        variables: of the term, in increasing order.
        cliques: tuples of variables in increasing order, parents before children.
        parents: for each clique the position of its parent, counted from 1, or 0.
        cardinalities: the number of states of each variable.

    Raises:
        ValueError: if a table would be too large.

    Example:
        >>> road = Road((0, 2), [(1, 2), (0, 1)], [0, 1], [2, 2, 2])
        >>> beliefs, messages = road.collect([np.zeros((2, 2)), np.log([[1.0, 2.0], [3.0, 4.0]])])
        >>> np.exp(beliefs[0]).round(12).tolist()
        [[3.0, 3.0], [7.0, 7.0]]

    Book: section 4.2.
    """

    def __init__(self, variables: Sequence[int], cliques: Sequence[tuple], parents: Sequence[int], cardinalities: Sequence[int]):
        self._cliques, self._parents, self._cardinalities = [(), *cliques], [0, *parents], cardinalities
        below = [set(variables).intersection(clique) for clique in self._cliques]
        for k in range(len(below) - 1, 0, -1):
            below[self._parents[k]] |= below[k]
        held = [tuple(sorted(below[k].union(clique))) for k, clique in enumerate(self._cliques)]
        largest = max(self._size(wide) for wide in held)
        if largest > LARGEST:
            raise ValueError(
                f"a term on variables {tuple(variables)} needs a table of {largest} entries, and {LARGEST} is the most"
            )
        self.steps = [self._step(k, held, below[k]) for k in range(len(held))]

    def _step(self, k, held, below):
        clique, wide, parent = self._cliques[k], held[k], self._parents[k]
        message = below | set(clique).intersection(self._cliques[parent]) if k else set()
        return Step(
            parent,
            self._spread(clique, wide),
            _axes_outside(clique, wide),
            _axes_outside(message, wide),
            _axes_outside(message, held[parent]),
            self._spread(message, held[parent]),
            self._spread(message, wide),
            self._size(wide),
            self._size(clique),
            self._size(message),
        )

    def _size(self, variables):
        return math.prod(self._cardinalities[v] for v in variables)

    def _spread(self, narrow, wide):
        """The shape that spreads a table on the variables `narrow` over the variables `wide`."""
        return tuple([self._cardinalities[v] if v in narrow else 1 for v in wide])

    def collect(self, tables):
        """What every clique knows from below, and the message that it sends up; position 0 knows all."""
        beliefs = [np.zeros(self.steps[0].spread)]
        beliefs += [table.reshape(step.spread) for step, table in zip(self.steps[1:], tables, strict=True)]
        messages = [None] * len(beliefs)
        for k in range(len(beliefs) - 1, 0, -1):
            step = self.steps[k]
            messages[k] = log_sum(beliefs[k], step.up)
            beliefs[step.parent] = beliefs[step.parent] + messages[k].reshape(step.in_parent)
        return beliefs, messages

    def distribute(self, beliefs, messages):
        """Send down to every clique what is new: its parent's belief over the message that it sent up itself.

        Args:
            beliefs, messages: from `collect`, with another belief in position 0; beliefs are replaced.
        """
        for k in range(1, len(beliefs)):
            step = self.steps[k]
            news = log_ratio(log_sum(beliefs[step.parent], step.down), messages[k])
            beliefs[k] = beliefs[k] + news.reshape(step.in_clique)

    @cached_property
    def collect_flops(self):
        """Operations of `collect`."""
        shapes, total = [step.spread for step in self.steps], 0
        for step in self.steps[:0:-1]:
            shapes[step.parent] = np.broadcast_shapes(shapes[step.parent], step.in_parent)
            total += log_sum_flops(step.size, step.shared) + math.prod(shapes[step.parent])
        return total

    @cached_property
    def distribute_flops(self):
        """Operations of `distribute`."""
        return sum(log_sum_flops(self.steps[s.parent].size, s.shared) + s.shared + s.size for s in self.steps[1:])


def _axes_outside(narrow, wide):
    """The axes of a table on the variables `wide` that are not in `narrow`."""
    return tuple([axis for axis, v in enumerate(wide) if v not in narrow])
