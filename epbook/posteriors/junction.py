"""The geometry of a junction forest: a tree through its cliques, and the part of it that a term needs."""

import heapq
from collections import Counter, defaultdict

BRANCHES = 8  # children that a clique has for the same shared variables


class JunctionForest:
    """Cliques joined to trees, so that those which hold a variable hang together.

    Args:
        cliques: tuples of variables.

    Attributes:
        cliques: in such an order that parents stand before children.
        parents: of each clique, its parent; a root's is None.
        roots: of each clique, the root of its tree.
        top: of each variable, the clique nearest the root that holds it.

    Raises:
        ValueError: if the cliques allow no such trees.

    Example:
        >>> forest = JunctionForest([(0, 1), (3, 4), (1, 2), (2, 3)])
        >>> forest.cliques, forest.parents
        ([(0, 1), (1, 2), (2, 3), (3, 4)], [None, 0, 1, 2])
        >>> forest.span((0, 3))
        [(2, None), (1, 2), (0, 1)]

    Book: section 4.2.
    """

    def __init__(self, cliques):
        self.cliques, self.parents, self.roots, self.top = [], [], [], {}
        self._siblings = defaultdict(list)  # the cliques that hold some shared variables, beginning with a parent
        for clique in _by_cardinality(cliques):
            self._append(clique)
        self.neighbours = [[] for _ in self.cliques]
        for c, parent in enumerate(self.parents):
            if parent is not None:
                self.neighbours[c].append(parent)
                self.neighbours[parent].append(c)

    def _append(self, clique):
        """Hang the clique below the one that brought the last of the variables seen before."""
        shared = tuple(v for v in clique if v in self.top)
        parent = max((self.top[v] for v in shared), default=None)
        if parent is not None and not set(shared) <= set(self.cliques[parent]):
            raise ValueError(
                f"the cliques form no junction forest: {clique} shares {shared} with the others, "
                "but none of these holds all of that (running intersection)"
            )
        c, siblings = len(self.cliques), self._siblings[shared]
        if shared:  # a star of many cliques would make every message a sum of as many: branch out instead
            siblings += [c] if siblings else [parent, c]
            parent = siblings[(len(siblings) - 2) // BRANCHES]
        self.cliques.append(clique)
        self.parents.append(parent)
        self.roots.append(c if parent is None else self.roots[parent])
        self.top.update((v, c) for v in clique if v not in self.top)

    def span(self, variables):
        """The smallest sub-forest that holds the variables: pairs of a clique and the one before it, None at a start.

        Each of its trees starts at an end, since a road through the middle of a path carries more variables.
        """
        deepest = max(self.top[v] for v in variables)
        if set(variables) <= set(self.cliques[deepest]):
            return [(deepest, None)]
        ends = defaultdict(set)
        for v in variables:
            ends[self.roots[self.top[v]]].add(self.top[v])
        return [pair for tops in ends.values() for pair in self._from_the_end(self._subtree(tops, set(variables)))]

    def _subtree(self, tops, variables):
        """The cliques between `tops`, without those at the upper end whose variables the next ones hold as well."""
        chosen = []
        while len(tops) > 1:
            lowest = max(tops)  # parents have lower numbers: nothing chosen later lies below
            chosen.append(lowest)
            tops = tops - {lowest} | {self.parents[lowest]}
        chosen += tops
        children = Counter(self.parents[c] for c in chosen)
        while children[chosen[-1]] == 1 and variables & set(self.cliques[chosen[-1]]) <= set(self.cliques[chosen[-2]]):
            chosen.pop()
        return chosen

    def _from_the_end(self, subtree):
        """The subtree from its deepest clique outward, each clique with the one before it."""
        around = {c: [] for c in subtree}
        for c in subtree:
            if self.parents[c] in around:
                around[c].append(self.parents[c])
                around[self.parents[c]].append(c)
        road = [(max(subtree), None)]
        for c, before in road:  # which grows meanwhile
            road += [(after, c) for after in around[c] if after != before]
        return road

    def inputs(self, u, v, known):
        """The messages, pairs of neighbours, that u -> v waits for and that are not known, it being the last."""
        waited = [(u, v)] if (u, v) not in known else []
        for a, b in waited:  # which grows meanwhile
            waited += [(c, a) for c in self.neighbours[a] if c != b and (c, a) not in known]
        return waited[::-1]

    def consequences(self, c, known):
        """The known messages that clique c has a part in; where one is not known, none beyond it is."""
        touched = [(c, v) for v in self.neighbours[c] if (c, v) in known]
        for a, b in touched:  # which grows meanwhile
            touched += [(b, d) for d in self.neighbours[b] if d != a and (b, d) in known]
        return touched


def _by_cardinality(cliques):
    """The cliques in an order of maximum cardinality: next comes one with most variables seen already.

    In this order a hypergraph is a junction forest if every clique fits below a single earlier one
    (Tarjan and Yannakakis, 1984).
    """
    holding = defaultdict(list)
    for c, clique in enumerate(cliques):
        for v in clique:
            holding[v].append(c)
    seen = [0] * len(cliques)
    waiting = [(0, c) for c in range(len(cliques))]
    while waiting:
        count, c = heapq.heappop(waiting)
        if -count != seen[c]:
            continue  # put in before more of its variables were seen, or done
        seen[c] = -1
        yield cliques[c]
        for v in cliques[c]:
            for other in holding.pop(v, ()):
                if seen[other] >= 0:
                    seen[other] += 1
                    heapq.heappush(waiting, (-seen[other], other))
