"""Directed networks of discrete variables: one conditional probability table a variable."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np

from ..checks import finite_array, whole_number
from ..terms import Potential
from .markov_network import MarkovNetwork


class BeliefNetwork(MarkovNetwork):
    """Discrete variables with p(x) the product over all variables of p(child | parents).

    Once observed it is a `MarkovNetwork`, whose evidence is the probability of what was observed.

    Args:
        cpts: for each variable (parents, table), the table indexed [parents..., child].  The variables are
            either the numbers 0 .. n-1 or strings, which are numbered in the order of the dictionary.
        states: for each variable the names of its states, in a dictionary; a variable left out has numbers only.

    Attributes:
        terms: one `Potential` a variable, in the order of their numbers, on (parents..., child).

    Raises:
        ValueError: on a table that does not fit, holds a negative number or does not sum to 1 over the child,
            (within 1e-5 for each of its states, so that six printed digits do), an unknown parent, or parents that
            go round in a circle.

    Example:
        >>> network = BeliefNetwork({
        ...     "rain": ((), [0.8, 0.2]),
        ...     "wet": (("rain",), [[0.9, 0.1], [0.05, 0.95]]),
        ... }, states={"rain": ("no", "yes")})
        >>> seen = network.observe({"wet": 1}).exact()
        >>> seen.marginal_of(network.variable("rain")).round(3).tolist(), round(float(np.exp(seen.log_evidence)), 3)
        ([0.296, 0.704], 0.27)

    Book: section 4.1.
    """

    def __init__(self, cpts: Mapping[Any, tuple[Sequence[Any], Any]], states: Mapping[Any, Sequence[str]] | None = None):
        order = _numbered(cpts)
        tables = [finite_array(f"the table of {child!r}", cpts[child][1], tuple(range(1, 33))) for child in order]
        states = dict(states or {})
        if not set(states) <= set(order):
            raise ValueError(f"states are given for {sorted(set(states) - set(order))}, which are not in the network")
        names = order if isinstance(order[0], str) else None
        super().__init__([table.shape[-1] for table in tables], (), names, [states.get(child) for child in order])
        self.parents = [tuple(self.variable(parent) for parent in cpts[child][0]) for child in order]
        for child, table in enumerate(tables):
            self._check(order[child], self.parents[child], table)
        try:
            self._oldest_first = list(TopologicalSorter(dict(enumerate(self.parents))).static_order())
        except CycleError as error:
            circle = " <- ".join(repr(order[v]) for v in error.args[1])
            raise ValueError(f"parents go round in a circle: {circle}") from None
        self.terms = [Potential((*parents, v), table) for v, (parents, table) in enumerate(zip(self.parents, tables))]

    def _check(self, child, parents, table):
        shape = tuple(self.cardinalities[v] for v in parents) + table.shape[-1:]
        if table.shape != shape:
            raise ValueError(f"the table of {child!r} must have shape {shape} (parents, then the child), not {table.shape}")
        sums = table.sum(axis=-1)
        if (table < 0).any() or np.abs(sums - 1).max() > 1e-5 * table.shape[-1]:
            raise ValueError(
                f"the table of {child!r} must hold probabilities that sum to 1 over its last axis, the child's; "
                f"its smallest entry is {table.min():g} and its sums go from {sums.min():g} to {sums.max():g}"
            )

    def markov(self) -> MarkovNetwork:
        """The same distribution as a product of potentials."""
        return MarkovNetwork(self.cardinalities, self.terms, self.names, self.states)

    def sample(self, size: int, rng: int | np.random.Generator | None = None) -> np.ndarray:
        """Draw joint states, parents before children, shape (size, n)."""
        size, rng = whole_number("size", size, 0), np.random.default_rng(rng)
        drawn = np.zeros((size, len(self.cardinalities)), dtype=int)
        for v in self._oldest_first:
            rows = self.terms[v].table[tuple(drawn[:, parent] for parent in self.parents[v])]
            steps = np.broadcast_to(rows, (size, self.cardinalities[v])).cumsum(axis=1)
            drawn[:, v] = (rng.random((size, 1)) * steps[:, -1:] >= steps).sum(axis=1)
        return drawn


def _numbered(cpts):
    """The variables in the order of their numbers, checked."""
    if not isinstance(cpts, Mapping) or not cpts:
        raise ValueError(f"cpts must be a dictionary of variable: (parents, table) with some variable in it, not {cpts!r:.60}")
    for child, cpt in cpts.items():
        if not isinstance(cpt, (tuple, list)) or len(cpt) != 2 or isinstance(cpt[0], str):
            raise ValueError(f"the entry of {child!r} must be (parents, table) with a tuple of parents, not {cpt!r:.60}")
    if all(isinstance(child, str) for child in cpts):
        return list(cpts)
    if set(cpts) != set(range(len(cpts))):
        raise ValueError(f"variables must be strings or the numbers 0..{len(cpts) - 1}, not {list(cpts)!r:.80}")
    return sorted(cpts)
