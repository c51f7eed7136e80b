"""Proposals for tree EP and for grouped terms: which structure of a network to keep."""

import itertools
from collections import defaultdict, deque
from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.special import rel_entr

from ..families.road import log_sum
from ..terms import Potential


def strongest_tree(terms: Sequence[Potential], n: int) -> list[tuple[int, int]]:
    """Edges of the maximum-weight spanning forest; a pair weighs the mutual information that its potentials give it.

    Args:
        terms: potentials on any number of variables.
        n: the number of variables.

    Example:
        >>> weak, strong = [[2, 1], [1, 2]], [[9, 1], [1, 9]]
        >>> strongest_tree([Potential((0, 1), weak), Potential((1, 2), strong), Potential((0, 2), strong)], 3)
        [(0, 2), (1, 2)]

    Book: section 4.2.
    """
    tables: dict[tuple[int, int], np.ndarray] = {}
    for term in terms:
        for (i, a), (j, b) in itertools.combinations(enumerate(term.variables), 2):
            table = log_sum(term.log_table, tuple(axis for axis in range(len(term.variables)) if axis not in (i, j)))
            pair, table = ((a, b), table) if a < b else ((b, a), table.T)
            tables[pair] = tables.get(pair, 0.0) + table
    if not tables:
        return []
    weights = -1 - _mutual_information(list(tables.values()))  # -1: weight 0 would be no edge
    graph = coo_array((weights, np.transpose(list(tables))), shape=(n, n))
    tree = minimum_spanning_tree(graph.tocsr()).tocoo()
    return sorted((int(a), int(b)) for a, b in zip(*tree.coords))


def _mutual_information(log_tables):
    """Of the two variables of each table, once normalised, tables of one shape together; 0 where one forbids everything."""
    strength, places = np.zeros(len(log_tables)), defaultdict(list)
    for k, log_table in enumerate(log_tables):
        places[log_table.shape].append(k)
    for found in places.values():
        logs = np.array([log_tables[k] for k in found])
        top = logs.max(axis=(1, 2), keepdims=True)
        joint = np.exp(logs - np.where(top > -np.inf, top, 0.0))
        joint /= np.maximum(joint.sum(axis=(1, 2), keepdims=True), np.finfo(float).tiny)
        apart = joint.sum(axis=2, keepdims=True) * joint.sum(axis=1, keepdims=True)
        strength[found] = rel_entr(joint, apart).sum(axis=(1, 2))
    return strength


def short_cycles(terms: Sequence[Potential], variables: int) -> list[list[int]]:
    """Groups of terms that close a cycle, each term in one group; a term that closes none stays alone.

    Args:
        terms: potentials on any number of variables.
        variables: no cycle ties more variables than this together.

    Example:
        >>> square = [Potential(pair, np.ones((2, 2))) for pair in [(0, 1), (1, 2), (2, 3), (0, 3), (3, 4)]]
        >>> short_cycles(square, 4)
        [[0, 1, 2, 3], [4]]

    Book: section 4.2.
    """
    at: dict[int, set[int]] = defaultdict(set)  # the terms still free at each variable
    for i, term in enumerate(terms):
        for v in term.variables if len(term.variables) > 1 else ():  # one variable leads nowhere
            at[v].add(i)
    groups, taken = [], set()
    for i in range(len(terms)):
        if i not in taken:
            groups.append(_shortest_cycle(terms, at, i, variables))
            taken.update(groups[-1])
            for j in groups[-1]:
                for v in terms[j].variables:
                    at[v].discard(j)
    return groups


def _shortest_cycle(terms, at, start, variables):
    """The start with the fewest free terms that lead from one of its variables to another; the start alone if there are none."""
    ends = [v for v in terms[start].variables if len(at[v]) > 1]  # where another free term may come back to
    sources = ends if len(ends) > 1 else ()
    found = [[start, *route] for source in sources for route in _routes(terms, at, start, source, variables - 1)]
    small = [cycle for cycle in found if len({v for j in cycle for v in terms[j].variables}) <= variables]
    return sorted(min(small, key=len, default=[start]))


def _routes(terms, at, start, source, most):
    """For each further variable of the start that at most `most` other free terms reach from the source: those terms."""
    routes, queue = {source: []}, deque([source])
    while queue:
        v = queue.popleft()
        if len(routes[v]) == most:
            break
        for j in sorted(at[v] - {start}):
            for u in terms[j].variables:
                if u not in routes:
                    routes[u] = [*routes[v], j]
                    queue.append(u)
    return [routes[v] for v in terms[start].variables if v != source and v in routes]
