"""Exact answers for discrete networks: sum the variables out one by one, then pass the sums back."""

import heapq
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..checks import distinct_variables
from ..errors import NoMassError
from ..families.road import LARGEST, log_ratio, log_sum
from ..posteriors.marginals import Marginals

Factor = tuple[Sequence[int], np.ndarray]  # variables, log table with an axis for each


class ExactMarginals(Marginals):
    """Evidence and marginals of a product of tables, without approximation.

    Args:
        cardinalities: how many states each variable has.
        factors: pairs (variables, log table); -inf is a state of probability zero.
        largest: refuse to build a table with more entries than this.

    Raises:
        ValueError: if elimination would need a larger table.
        NoMassError: if the product is zero everywhere.

    Example:
        >>> coupled = ((0, 1), np.log([[3.0, 1.0], [1.0, 1.0]]))
        >>> exact = ExactMarginals((2, 2), [coupled, ((0,), np.log([0.5, 1.0]))])
        >>> round(math.exp(exact.log_evidence), 12), exact.marginal_of(0).round(12).tolist()
        (4.0, [0.5, 0.5])

    Book: section 4.1.
    """

    def __init__(self, cardinalities: Sequence[int], factors: Sequence[Factor], largest: int = LARGEST):
        self._problem = tuple(cardinalities), list(factors), largest
        self.log_evidence, self._cliques = _eliminate(*self._problem)
        own = (self._cliques[v][1] for v in range(len(self._cliques)))
        super().__init__([np.exp(log_sum(table, tuple(range(1, table.ndim)))) for table in own])

    def joint_of(self, variables: Sequence[int]) -> np.ndarray:
        """The joint distribution of some variables, with an axis for each.

        Raises:
            ValueError: if a variable is repeated or does not exist, or elimination would need too large a table.
        """
        cardinalities, factors, largest = self._problem
        variables = distinct_variables("a joint distribution", variables, len(cardinalities))
        cliques = self._cliques
        if not _holder(variables, cliques):  # then make one: a table of ones ties them together
            together = (variables, np.zeros([cardinalities[v] for v in variables]))
            cliques = _eliminate(cardinalities, [*factors, together], largest)[1]
        scope, table = _holder(variables, cliques)
        rest = log_sum(table, tuple(axis for axis, v in enumerate(scope) if v not in variables))
        kept = [v for v in scope if v in variables]
        return np.exp(rest.transpose([kept.index(v) for v in variables]))

    def errors(self, estimate: Any) -> tuple[float, float]:
        """Relative error of the evidence, and the largest error of a marginal probability, of a `Result` or a `Snapshot`."""
        with np.errstate(over="ignore"):
            evidence = float(abs(np.expm1(estimate.log_evidence - self.log_evidence)))
        return evidence, float(np.abs(np.subtract(estimate.mean, self.mean)).max())


def _holder(variables, cliques):
    """A clique that holds all the variables, or None."""
    return next((clique for v in variables if set(variables) <= set((clique := cliques[v])[0])), None)


def _eliminate(cardinalities, factors, largest):
    """log Z, and for each variable the clique in which it was summed out: (scope with it first, normalised log table)."""
    order = elimination_order(cardinalities, [scope for scope, _ in factors], largest)
    place = {v: k for k, v in enumerate(order)}
    buckets: list[list[Factor]] = [[] for _ in order]
    for scope, table in factors:
        buckets[min(scope, key=place.__getitem__)].append((scope, table))
    log_z, cliques, messages = 0.0, {}, {}
    for v in order:
        scope = tuple(sorted({v}.union(*(scope for scope, _ in buckets[v])), key=place.__getitem__))
        table = sum((_spread(*factor, scope) for factor in buckets[v]), np.zeros([cardinalities[u] for u in scope]))
        cliques[v], messages[v] = (scope, table), log_sum(table, (0,))
        if len(scope) > 1:
            buckets[scope[1]].append((scope[1:], messages[v]))
        else:
            log_z += float(messages[v])
    if log_z == -math.inf:
        raise NoMassError("the potentials multiply to zero everywhere: no joint state of the variables is possible")
    for v in reversed(order):  # what the later variables know, handed back
        scope, table = cliques[v]
        if len(scope) > 1:
            outer, belief = cliques[scope[1]]
            belief = log_sum(belief, tuple(axis for axis, u in enumerate(outer) if u not in scope))
        else:
            belief = np.zeros(())
        cliques[v] = scope, table + log_ratio(belief, messages[v])
    return log_z, cliques


def _spread(scope, table, onto):
    """The table with its axes in the order of `onto`, and length 1 where `onto` has a variable that it lacks."""
    ordered = np.transpose(table, sorted(range(len(scope)), key=lambda axis: onto.index(scope[axis])))
    lengths = iter(ordered.shape)
    return ordered.reshape([next(lengths) if v in scope else 1 for v in onto])


def elimination_order(cardinalities: Sequence[int], scopes: Sequence[Sequence[int]], largest: int = LARGEST) -> list[int]:
    """Variables in the order in which summing them out ties the fewest new pairs together (greedy min-fill).

    Args:
        cardinalities: how many states each variable has.
        scopes: the variables of each table.
        largest: no table with more entries than this may arise.

    Raises:
        ValueError: if one would; it names the size.

    Example:
        >>> elimination_order([2, 2, 2, 2], [(0, 1), (1, 2), (2, 3)])
        [0, 1, 2, 3]

    Book: section 4.1.
    """
    neighbours: list[set[int]] = [set() for _ in cardinalities]
    for scope in scopes:
        for v in scope:
            neighbours[v].update(u for u in scope if u != v)

    def cost(v):
        """(new pairs, table entries), or None where the table would be too large."""
        around = neighbours[v]
        size = math.prod(cardinalities[u] for u in around) * cardinalities[v]
        return None if size > largest else (sum(len(around - neighbours[u]) - 1 for u in around), size)

    costs = {v: cost(v) for v in range(len(cardinalities))}
    queue = [(price, v) for v, price in costs.items() if price]
    heapq.heapify(queue)
    order = []
    while queue:
        price, v = heapq.heappop(queue)
        if costs.get(v) != price:  # an entry that a neighbour's elimination has outdated
            continue
        order.append(v)
        del costs[v]
        around = neighbours[v]
        for u in around:
            neighbours[u] |= around
            neighbours[u] -= {u, v}
        # a price counts the ties among one's neighbours: without new ties only the neighbours' own have changed
        outdated = around.union(*(neighbours[u] for u in around)) if price[0] else around
        for u in outdated:
            if cost(u) != costs[u]:
                costs[u] = cost(u)
                if costs[u]:
                    heapq.heappush(queue, (costs[u], u))
    if costs:
        need = min(math.prod(cardinalities[u] for u in {v, *neighbours[v]}) for v in costs)
        raise ValueError(f"the exact answer needs a table of at least {need} entries, more than largest = {largest}")
    return order
